//! The HTML report in a real browser, opened as a file: search, sorting and the switch work, it fits a phone,
//! it fetches nothing, and what packages say does nothing. Needs Chromium and its driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it"
)]

mod driver;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcpolicy::audit::audited::{Audited, Input, Line, Timeline, Unreadable};
use rcpolicy::audit::finding::{Finding, Severity, Spot};

use driver::Browser;

/// A phone of the narrow kind, in points.
const PHONE: (u32, u32) = (360, 740);
const DESK: (u32, u32) = (1200, 900);
const EVIL: &str = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&\u{202e}";

fn input(path: &str) -> Input {
    Input {
        path: path.to_owned(),
        from: None,
    }
}

fn spot(file: &str, line: u32, text: &str, (column, width): (u32, u32), label: &str) -> Spot {
    Spot {
        file: file.to_owned(),
        line,
        column,
        width,
        text: text.to_owned(),
        label: label.to_owned(),
    }
}

fn finding(package: &str, check: &str, severity: Severity, message: String) -> Finding {
    let prerm = format!("{package}_2.0-1_amd64.deb: prerm");
    let call = format!("\tdeb-systemd-invoke stop {package}.service >/dev/null || true");
    let unit = format!("/usr/lib/systemd/system/{package}.socket");
    Finding {
        check: check.to_owned(),
        severity,
        package: package.to_owned(),
        version: "2.0-1".to_owned(),
        message,
        spots: vec![
            spot(&prerm, 12, &call, (2, 40), ""),
            spot(
                &unit,
                4,
                "ListenStream=/run/a-rather-long-name.socket",
                (1, 12),
                "this starts it again",
            ),
        ],
        suggestion: format!(
            "stop both:\ndeb-systemd-invoke stop {package}.socket {package}.service"
        ),
        assumed: vec!["[ -d /run/systemd/system ]".to_owned()],
        allowed: None,
    }
}

/// A package of a report: every third has errors, every second warnings.
fn package(number: usize) -> Audited {
    let name = format!("daemon-{number:03}");
    let mut findings = Vec::new();
    if number.is_multiple_of(3) {
        let message = format!("{name}.socket goes on listening while {name}.service is stopped");
        findings.push(finding(
            &name,
            "socket-not-stopped",
            Severity::Error,
            message,
        ));
    }
    if number.is_multiple_of(2) {
        let message = format!("a failed stop of {name}.service is not noticed");
        findings.push(finding(&name, "status-hidden", Severity::Warning, message));
        let mut allowed = findings[findings.len() - 1].clone();
        allowed.allowed = Some("it has no such device on some machines".to_owned());
        findings.push(allowed);
    }
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='60' viewBox='0 0 900 60'><rect width='900' height='60' fill='#5a8'/></svg>";
    Audited {
        input: input(&format!("{name}_2.0-1_amd64.deb")),
        package: name.clone(),
        version: "2.0-1".to_owned(),
        architecture: "amd64".to_owned(),
        from: if number.is_multiple_of(5) {
            "2.0-1"
        } else {
            "1:1.9-3~bpo12+1"
        }
        .to_owned(),
        services: vec![format!("{name}.service"), format!("{name}.socket")],
        findings,
        unread: Vec::new(),
        timelines: vec![Timeline {
            title: "upgrade, systemd".to_owned(),
            svg: svg.to_owned(),
        }],
    }
}

fn hostile() -> Audited {
    let mut audited = package(6);
    for text in [
        &mut audited.package,
        &mut audited.version,
        &mut audited.input.path,
    ] {
        *text = EVIL.to_owned();
    }
    audited.services = vec![EVIL.to_owned(), "x".repeat(3_000)];
    audited.unread = vec![EVIL.to_owned()];
    audited.timelines[0].svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9000' height='20'><image href='https://example.org/x.png'/><script>parent.document.title='owned'</script></svg>"
        .to_owned();
    for finding in &mut audited.findings {
        finding.check = EVIL.to_owned();
        finding.message = EVIL.repeat(20);
        finding.spots[0].text = format!("{EVIL}{}", "long".repeat(20_000));
        finding.spots[0].file = EVIL.to_owned();
        finding.spots[0].label = EVIL.to_owned();
        finding.suggestion = EVIL.to_owned();
    }
    audited
}

/// What an audit of forty packages would have written, given to the real command.
struct Report {
    top: tempfile::TempDir,
}

impl Report {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let mut lines: Vec<Line> = (1..=40)
            .map(|n| Line::Package(Box::new(package(n))))
            .collect();
        lines.push(Line::Package(Box::new(hostile())));
        lines.push(Line::Unreadable(Unreadable {
            input: input("broken.deb"),
            error: "cannot read `broken.deb`: it is cut off".to_owned(),
        }));
        let text: Vec<String> = lines.iter().map(|line| line.to_json().unwrap()).collect();
        std::fs::write(top.path().join("all.jsonl"), text.join("\n") + "\n").unwrap();
        Self { top }
    }

    /// The report's page to open.
    fn html(&self, name: &str) -> PathBuf {
        let status = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
            .args(["audit", "--merge", "all.jsonl", "--html", name])
            .current_dir(self.top.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        // One of them could not be read.
        assert_eq!(status.code(), Some(3));
        let path = self.top.path().join(name);
        match path.is_dir() {
            true => path.join("index.html"),
            false => path,
        }
    }
}

fn text(browser: &Browser, script: &str) -> String {
    let value = browser.run(&format!("return String({script})"));
    value.as_str().unwrap().to_owned()
}

fn number(browser: &Browser, script: &str) -> i64 {
    browser.run(&format!("return {script}")).as_f64().unwrap() as i64
}

const SHOWN: &str =
    "[...document.querySelectorAll('#packages tbody tr')].filter(r => r.offsetParent !== null)";

fn assert_fits(browser: &Browser, page: &Path) {
    let widths = ["scrollWidth", "clientWidth"];
    let [content, screen] =
        widths.map(|width| number(browser, &format!("document.documentElement.{width}")));
    assert!(
        content <= screen,
        "{}: {content} points on a screen of {screen}",
        page.display()
    );
}

fn assert_quiet(browser: &Browser) {
    let (requests, complaints) = browser.requests_and_complaints();
    assert!(!requests.is_empty());
    for url in requests {
        // The browser's own first page is made of parts of the browser.
        let own = ["file:///", "data:", "chrome://"];
        let own = own.iter().any(|scheme| url.starts_with(scheme));
        assert!(own, "it asked for {url}");
    }
    assert_eq!(complaints, Vec::<String>::new());
    assert_ne!(text(browser, "document.title"), "owned");
    assert_eq!(
        number(
            browser,
            "document.querySelectorAll('main img[onerror], main script').length"
        ),
        0
    );
}

#[test]
fn a_report_is_searched_sorted_and_switched_and_fetches_nothing() {
    let (report, browser) = (Report::new(), Browser::start());
    for name in ["report.html", "report"] {
        let page = report.html(name);
        browser.screen(DESK.0, DESK.1);
        browser.prefer("light");
        browser.open(&page);
        searches(&browser);
        sorts(&browser);
        switches(&browser);
        assert_quiet(&browser);
    }
}

fn searches(browser: &Browser) {
    assert_eq!(number(browser, &format!("{SHOWN}.length")), 41);
    assert_eq!(
        text(browser, "document.querySelector('output').textContent"),
        "41 packages"
    );
    browser.fill("input[type=search]", "DAEMON-00 socket-not");
    assert_eq!(
        text(browser, &format!("{SHOWN}.map(r => r.dataset.n).join()")),
        "daemon-006,daemon-003,daemon-009"
    );
    assert_eq!(
        text(browser, "document.querySelector('output').textContent"),
        "3 of 41"
    );
    browser.fill("input[type=search]", "no such thing");
    assert_eq!(number(browser, &format!("{SHOWN}.length")), 0);
    browser.fill("input[type=search]", "");
    assert_eq!(number(browser, &format!("{SHOWN}.length")), 41);
    browser.click("select option[value=error]");
    assert_eq!(number(browser, &format!("{SHOWN}.length")), 14);
    browser.click("select option[value=any]");
    browser.click("[data-search=status-hidden]");
    assert_eq!(number(browser, &format!("{SHOWN}.length")), 20);
    // What is not in the index is not on the page either.
    let sections =
        "[...document.querySelectorAll('section.package')].filter(s => !s.hidden).length";
    let sections = number(browser, sections);
    assert!(sections == 20 || sections == 0, "{sections}");
    browser.fill("input[type=search]", "");
}

fn sorts(browser: &Browser) {
    let first = |browser: &Browser| text(browser, &format!("{SHOWN}[0].dataset.n"));
    browser.click("th[data-key=n] button");
    browser.click("th[data-key=n] button");
    assert_eq!(first(browser), "daemon-040");
    browser.click("th[data-key=n] button");
    assert_ne!(first(browser), "daemon-040");
    browser.click("th[data-key=w] button");
    assert_eq!(
        text(
            browser,
            "document.querySelector('th[data-key=w]').getAttribute('aria-sort')"
        ),
        "descending"
    );
    assert_eq!(number(browser, &format!("Number({SHOWN}[0].dataset.w)")), 1);
    browser.click("th[data-key=w] button");
    assert_eq!(number(browser, &format!("Number({SHOWN}[0].dataset.w)")), 0);
}

fn switches(browser: &Browser) {
    let back = |browser: &Browser| text(browser, "getComputedStyle(document.body).backgroundColor");
    browser.run("try { localStorage.clear() } catch (e) {}");
    browser.run("location.reload()");
    let light = back(browser);
    browser.prefer("dark");
    let dark = back(browser);
    assert_ne!(light, dark, "the system's setting counts");
    browser.click("#theme");
    assert_eq!(
        (
            text(browser, "document.getElementById('theme').textContent"),
            back(browser)
        ),
        ("Colours: light".to_owned(), light.clone())
    );
    browser.prefer("light");
    browser.click("#theme");
    assert_eq!(back(browser), dark);
    browser.run("location.reload()");
    assert_eq!(back(browser), dark, "it is remembered");
    browser.click("#theme");
    assert_eq!(back(browser), light);
}

#[test]
fn every_page_fits_a_phone_and_a_desk_in_both_colours() {
    let (report, browser) = (Report::new(), Browser::start());
    let one = report.html("report.html");
    let index = report.html("report");
    let pages = index.parent().unwrap().join("packages");
    let page = pages.join("daemon-006_2.0-1_amd64.html");
    let hostile = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let hostile = hostile
        .into_iter()
        .find(|path| path.to_string_lossy().contains("img"))
        .unwrap();
    for (device, (width, height)) in [("phone", PHONE), ("desk", DESK)] {
        browser.screen(width, height);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            for (name, path) in [
                ("one", &one),
                ("index", &index),
                ("page", &page),
                ("hostile", &hostile),
            ] {
                browser.open(path);
                browser.run("document.querySelectorAll('details').forEach(d => d.open = true)");
                assert_fits(&browser, path);
                browser.keep_picture(&format!("{name}-{device}-{scheme}"));
                browser.run("document.querySelector('#packages, .finding').scrollIntoView()");
                browser.keep_picture(&format!("{name}-{device}-{scheme}-below"));
            }
        }
    }
    assert_quiet(&browser);
}

#[test]
fn without_scripts_everything_can_be_read() {
    let report = Report::new();
    let page = std::fs::read_to_string(report.html("report.html")).unwrap();
    // What needs the script is hidden until it runs.
    assert!(page.contains("<form class=\"search\" role=\"search\" hidden>"));
    assert!(page.contains("id=\"theme\" hidden"));
    assert!(page.contains("daemon-040.service"));
}
