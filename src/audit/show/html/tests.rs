use std::os::unix::fs::symlink;

use super::*;
use crate::audit::show::sample;

fn lines() -> Vec<Line> {
    vec![
        Line::Package(Box::new(sample::acpid())),
        Line::Package(Box::new(sample::hostile())),
        Line::Unreadable(sample::unreadable("x<b>.deb")),
    ]
}

fn written(path: &Path, lines: &[Line]) -> Result<PathBuf, HtmlError> {
    let mut report = Report::begin(path, &sample::ABOUTS)?;
    for line in lines {
        report.add(line)?;
    }
    report.finish()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All that a page could run or fetch.
fn assert_harmless(page: &str) {
    assert_eq!(page.matches("<script>").count(), 1, "only our own");
    assert_eq!(page.matches("<style>").count(), 1, "only our own");
    assert!(!page.contains("alert(1)</script>"));
    for word in [
        "http:",
        "https:",
        "src=\"//",
        " onerror=",
        "<link",
        "@import",
        "url(",
    ] {
        assert!(!page.contains(word), "{word} in the page");
    }
    let steering = page.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(steering, None);
    assert!(!page.contains('\u{202e}') && !page.contains('\u{2028}'));
}

#[test]
fn one_file_has_the_index_and_every_package() {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("report.html");
    assert_eq!(written(&path, &lines()).unwrap(), path);
    let page = fs::read_to_string(&path).unwrap();
    assert_harmless(&page);
    for word in [
        "href=\"#p1\"",
        "id=\"p1\"",
        "id=\"p2\"",
        "trigger-not-stopped",
        "x&lt;b&gt;.deb",
        "data:image/svg+xml;base64,",
    ] {
        assert!(page.contains(word), "{word}");
    }
    assert_eq!(names(top.path()), ["report.html"]);
}

#[test]
fn a_directory_has_an_index_and_a_page_a_package_whatever_it_is_called() {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("report");
    let twice: Vec<Line> = lines().into_iter().chain(lines()).collect();
    assert_eq!(written(&path, &twice).unwrap(), path.join("index.html"));
    let pages = names(&path.join("packages"));
    assert_eq!(pages.len(), 4, "{pages:?}");
    assert!(pages.contains(&"acpid_1_2.0.34-1_amd64.html".to_owned()));
    assert!(pages.contains(&"acpid_1_2.0.34-1_amd64-2.html".to_owned()));
    let index = fs::read_to_string(path.join("index.html")).unwrap();
    assert_harmless(&index);
    for page in pages {
        assert!(
            index.contains(&format!("href=\"packages/{page}\"")),
            "{page}"
        );
        assert_harmless(&fs::read_to_string(path.join("packages").join(page)).unwrap());
    }
}

#[test]
fn an_earlier_report_is_replaced_and_other_files_are_left_alone() {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("report");
    written(&path, &lines()).unwrap();
    written(&path, &lines()).unwrap();
    fs::write(path.join("index.html"), "mine").unwrap();
    let error = written(&path, &lines()).unwrap_err().to_string();
    assert!(error.contains("no earlier report"), "{error}");
    assert_eq!(fs::read_to_string(path.join("index.html")).unwrap(), "mine");
    let home = top.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), "").unwrap();
    assert!(written(&home, &lines()).is_err());
    assert_eq!(names(&home), ["letter"]);
}

#[test]
fn a_report_that_was_cut_off_is_begun_anew() {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("report");
    let mut report = Report::begin(&path, &sample::ABOUTS).unwrap();
    report.add(&lines()[0]).unwrap();
    drop(report);
    fs::write(path.join("packages/x.html.part"), "<!DOC").unwrap();
    written(&path, &lines()).unwrap();
    fs::remove_file(path.join("index.html")).unwrap();
    fs::write(path.join("packages/own.html"), "mine").unwrap();
    assert!(written(&path, &lines()).is_err());
}

#[test]
fn nothing_is_written_through_a_link_that_another_put_there() {
    let top = tempfile::tempdir().unwrap();
    let target = top.path().join("precious");
    fs::write(&target, "precious").unwrap();
    symlink(&target, top.path().join("report.html.part")).unwrap();
    written(&top.path().join("report.html"), &lines()).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_place_where_nothing_can_be_written_is_named() {
    for path in ["/proc/report.html", "/proc/report"] {
        let error = written(Path::new(path), &lines()).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot write the report `{path}`")),
            "{error}"
        );
    }
}
