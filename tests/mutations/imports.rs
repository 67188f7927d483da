//! Other tools' policies, mutated. What is read of one is a policy file of ours that reads well, whatever it says.

use rcpolicy::import::{Format, document, interpreter, read};
use rcpolicy::policy::{Tier, parse};

use crate::inputs::{Outcome, refused};
use crate::random::Random;

pub(crate) const IMPORTS: [&str; 7] = [
    "# policies\n^ssh$ ^(start|stop)$ allow\nssh restart\tdeny\n^postgresql(@.*)?$ .* restart-ignore\nslapd|nginx ^\\( deny\nslapd . allow\n",
    "# overrides\n$nrconf{override_rc} = {\n    # the bus\n    qr(^dbus) => 0,\n    qr(^postgresql(@.+)?\\.service$) => 0,\n\
     q(^mariadb.service) => 0, # slow\n};\n$nrconf{override_rc}->{qr/^nginx\\.service$/} = 0;\n$nrconf{override_rc}{'^cron'} = 1;\n1;\n",
    "# Managed\nblocked_actions:\n  nginx: [restart, stop, 'try-restart']\n  cron.service:\n  - restart\n  - start\n\
     policy_requestor_name: openvswitch\npolicy_requestor_type: charm\n",
    "#!/bin/sh\nexit 101\n",
    "#!/bin/sh\nwhile true; do\n  case \"$1\" in\n    -*) shift ;;\n    makedev|x11-common) exit 0 ;;\n    *) exit 101 ;;\n  esac\ndone\n",
    "#!/bin/sh\n[ \"$1\" != --quiet ] || shift\nif [ \"$1\" = slapd ] && [ \"$2\" = restart ]; then\n  echo reload\n  exit 106\nfi\nexit 0\n",
    "#!/bin/sh\ncase $1 in\nssh*|cron) ;;\n*) exit 104 ;;\nesac\ncase $2 in '('*) exit 101 ;; esac\nexit 0\n",
];
const FORMATS: [Format; 4] = [
    Format::Declarative,
    Format::Needrestart,
    Format::Charm,
    Format::Script,
];

/// In the format that it looks like, or in any.
pub(crate) fn give(text: &str, random: &mut Random) -> Outcome {
    let _ = interpreter(text);
    let name = *random.pick(&["x.pol", "policy-rc.d", "x"]);
    let format = match Format::detect(name, text) {
        Some(format) if !random.one_in(8) => format,
        Some(_) | None => *random.pick(&FORMATS),
    };
    let imported = match read(format, text) {
        Ok(imported) => imported,
        Err(why) => return refused(&why.to_string()),
    };
    let written = document("a\nfile", &imported);
    let parsed = parse("10-imported.toml", Tier::Admin, &written);
    assert!(!parsed.is_broken(), "{:#?}\n{written}", parsed.problems);
    Outcome::Read
}
