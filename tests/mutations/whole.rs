//! A package of which all that describes services is mutated, through all that an audit does: checked on every
//! way, now and then played, and shown by every output.

use rcpolicy::audit::audited::{Input, Line};
use rcpolicy::audit::package::ScriptName;
use rcpolicy::audit::show::people::{self, Allowed};
use rcpolicy::audit::show::sarif::Sarif;
use rcpolicy::audit::upgrade::{Drawn, Given, audit};
use rcpolicy::report::timeline::{Charset, Color, Look};

use crate::inputs::{Outcome, refused};
use crate::mutate;
use crate::packages::{BUS, INIT_SCRIPT, SOCKET, UNIT, with_files, with_script};
use crate::random::Random;
use crate::seeds;
use crate::words::NOTE;

/// An audit goes on behind what it wrote before, whatever became of that.
fn reread(line: &Line, random: &mut Random) {
    let mut bytes = line.to_json().unwrap().into_bytes();
    let seeds = [bytes.clone()];
    mutate::text(&mut bytes, random, &seeds, NOTE);
    if let Err(why) = Line::parse(&String::from_utf8_lossy(&bytes)) {
        refused(&why.to_string());
    }
}

/// Its unit, its socket, its init script, its file for the bus, and one of its scripts, in this order.
pub(crate) fn give(texts: &[String], random: &mut Random) -> Outcome {
    let paths = [UNIT, SOCKET, INIT_SCRIPT, BUS];
    let files: Vec<(&str, &str)> = paths
        .into_iter()
        .zip(texts.iter().map(String::as_str))
        .collect();
    let mut package = with_files(&files);
    let mutated = *random.pick(&ScriptName::ALL);
    for name in ScriptName::ALL {
        let text = match name == mutated {
            true => texts[4].as_str(),
            false => seeds::SCRIPT,
        };
        package = with_script(package, name, ("sh", text));
    }
    let drawn = match random.one_in(8) {
        true => Drawn::Yes,
        false => Drawn::No,
    };
    let given = Given {
        drawn,
        ties: Vec::new(),
    };
    let input = Input {
        path: "foo.deb".to_owned(),
        from: None,
    };
    let audited = audit(None, &package, (input, &given));
    let look = Look {
        color: Color::None,
        charset: Charset::Unicode,
    };
    let told = people::package(&audited, Allowed::Shown, look);
    assert!(
        !told.contains(|c: char| c.is_control() && c != '\n'),
        "a control character reaches the terminal: {told:?}"
    );
    Sarif::default().package(&audited);
    let line = Line::Package(Box::new(audited));
    let text = serde_json::to_string(&line).unwrap();
    assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    reread(&line, random);
    Outcome::Read
}
