//! A package that was never packed: what a reader would have made of its files.

use std::collections::BTreeMap;

use rcpolicy::audit::package::{Entry, Form, Package, Script, ScriptName};

/// Where its unit lies, its init script, and its name on the bus.
pub(crate) const UNIT: &str = "/usr/lib/systemd/system/foo.service";
pub(crate) const SOCKET: &str = "/usr/lib/systemd/system/foo.socket";
pub(crate) const INIT_SCRIPT: &str = "/etc/init.d/foo";
pub(crate) const BUS: &str = "/usr/share/dbus-1/system-services/foo.service";

/// With these files.
pub(crate) fn with_files(files: &[(&str, &str)]) -> Package {
    let entry = |text: &str| Entry::File {
        mode: 0o755,
        size: text.len() as u64,
        text: Some(text.to_owned()),
    };
    let files = files.iter();
    Package {
        path: "foo.deb".into(),
        form: Form::Deb,
        name: "foo".to_owned(),
        version: "1".to_owned(),
        fields: BTreeMap::new(),
        scripts: BTreeMap::new(),
        files: files
            .map(|(path, text)| ((*path).to_owned(), entry(text)))
            .collect(),
        conffiles: [INIT_SCRIPT.to_owned()].into(),
        triggers: vec!["interest /usr/share/foo".to_owned()],
        origins: BTreeMap::new(),
    }
}

/// The same with a script.
pub(crate) fn with_script(
    mut package: Package,
    name: ScriptName,
    (shell, text): (&str, &str),
) -> Package {
    let script = Script {
        name,
        shown: format!("foo_1_all.deb: {}", name.as_str()),
        interpreter: shell.to_owned(),
        text: text.to_owned(),
    };
    package.scripts.insert(name, script);
    package
}
