//! `rcpolicy explain SERVICE ACTION`: what a call would come to and why, by the code that would carry
//! it out. It changes nothing, and runs policy-rc.d only when told to.

mod arguments;
mod gate;
mod scene;
mod step;

use super::{Ending, Failure, Place};
use crate::decide::{also_asked, plan_all};
use crate::domain::{
    Context, Decision, FrontEnd, InitKind, Known, Machine, Reason, Request, Source, Verdict, Wait,
};
use crate::front::handover::stock_path;
use crate::front::perform::{Case, Session};
use crate::front::way::{self, Way};
use crate::init::Init;
use crate::observe::bypass;
use crate::observe::detect;
use crate::observe::life::life_under;
use crate::observe::offline::{self, Reach};
use crate::policy::{self, Keep, Mode, Roots};
use crate::report::Voice;
use crate::report::console::Console;
use crate::report::explain::{self as words, Explanation, Fact};
use crate::report::log::verdict_word;
use crate::report::pending;

pub(super) use self::arguments::Arguments;
use self::gate::Gate;
use self::scene::Scene;

/// How long an init is waited for: a person looks on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let request = arguments.request(place.seconds())?;
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    for problem in policy.problems() {
        console.complain(problem);
    }
    let systemd = place.systemd(&policy);
    let session = Session {
        ledger: place.ledger().ok(),
        log: place.log(),
        now: place.seconds(),
        began: 0,
        context: Context::default(),
        voice: Voice::new("rcpolicy"),
        policy,
    };
    let mut scene = Scene {
        kind: detect::init_under(&place.root),
        away: is_away(place),
        place,
        ask: arguments.ask,
        session,
        notes: Vec::new(),
        facts: Vec::new(),
    };
    let explanation = match systemd {
        Ok(mut init) => {
            init.wait = PATIENCE;
            scene.explain(Ok(&mut init), request)
        }
        Err(error) => scene.explain(Err(error.to_string()), request),
    };
    if arguments.json {
        console.say(explanation.json()?);
    } else {
        console.say(explanation.text(&verdict_word(&explanation.verdict)));
    }
    Ok(Ending::Done)
}

fn is_away(place: &Place) -> bool {
    match place.root.as_os_str() == "/" {
        true => offline::reach() == Reach::Offline,
        false => life_under(&place.root).is_none(),
    }
}

/// An init to ask, or why there is none.
type Asked<'a> = Result<&'a mut dyn Init, String>;

impl Scene<'_> {
    fn explain(&mut self, init: Asked<'_>, request: Request) -> Explanation {
        self.look_around();
        let under_systemd = self.kind == InitKind::Systemd;
        let foreign = request.front == FrontEnd::DebSystemdInvoke && !under_systemd;
        if under_systemd && self.away || foreign {
            return self.left_to_stock(request);
        }
        if !under_systemd {
            return self.with_scripts(request);
        }
        let reached = match init {
            Ok(init) => self.through(init, &request),
            Err(why) => Err(why),
        };
        match reached {
            Ok(explanation) => explanation,
            Err(why) => self.unreached(request, &why),
        }
    }

    fn look_around(&mut self) {
        self.facts.push(Fact::seen("init", self.kind.as_str()));
        if self
            .place
            .path(bypass::DIRECTORY)
            .join(bypass::NAME)
            .exists()
        {
            let text = "the bypass is on: the stock tool gets every call, and this is what would be \
                        decided without it";
            self.notes.push(text.to_owned());
        }
        let settings = self.session.policy.settings();
        if settings.mode == Mode::Observe {
            let text = "the policy only observes: the stock tool gets every call, and this is what \
                        would be decided otherwise";
            self.notes.push(text.to_owned());
        }
        if settings.strict {
            self.facts.push(Fact::seen("compatibility", "strict"));
        }
    }

    /// Where our tool does not touch the init: an admin's deny holds, the rest is the stock tool's.
    fn left_to_stock(&mut self, request: Request) -> Explanation {
        let machine = match self.away {
            true => Known::Is(Machine::Chroot),
            false => Known::default(),
        };
        let case = self.decide_unseen(request, machine);
        self.helper_not_asked(&case.request);
        let front = case.request.front;
        let why = match self.away {
            true => "systemd is not touched from a chroot, or when told to stay offline",
            false => "it works with systemd alone",
        };
        let (case, steps) = match case.decision.verdict {
            Verdict::Deny => (case, Vec::new()),
            _ => {
                let action = case.request.action.clone();
                let reason = Reason::new(Source::BuiltIn, why);
                let decision = Decision::because(Verdict::Run(action), reason);
                let steps = vec![format!("the stock tool takes over: {}", stock_path(front))];
                (Case { decision, ..case }, steps)
            }
        };
        self.conclude(case, steps)
    }

    fn unreached(&mut self, request: Request, why: &str) -> Explanation {
        self.facts.push(Fact::unknown("what systemd says", why));
        let front = request.front;
        let case = self.decide_unseen(request, Known::Unknown(why.to_owned()));
        self.helper_not_asked(&case.request);
        let steps = match case.decision.verdict {
            Verdict::Deny => Vec::new(),
            _ => vec![format!(
                "{} takes over, unless systemd answers by then",
                stock_path(front)
            )],
        };
        let text = "systemd cannot be reached: this is decided on what is not known";
        self.notes.push(text.to_owned());
        self.conclude(case, steps)
    }

    fn decide_unseen(&self, request: Request, machine: Known<Machine>) -> Case {
        let facts = self.session.unseen(&request, self.kind, machine);
        let owed = self.session.owed_to(&request.unit.service());
        self.session.decide(request, facts, owed)
    }

    fn with_scripts(&mut self, request: Request) -> Explanation {
        let machine = match self.away {
            true => Known::Is(Machine::Chroot),
            false => Known::default(),
        };
        let machine = match self.gate_by_links(&request) {
            Gate::Open(actions) if actions == [request.action.as_str()] => machine,
            Gate::GoingDown => Known::Is(Machine::Stopping),
            gate => return self.stopped_at(gate, request, machine),
        };
        let case = self.decide_unseen(request, machine);
        let word = case.request.action.as_str().to_owned();
        let way = way::of_invoke_rc_d(&case, &word);
        let steps = self.steps_of(&way, &case, Wait::Done);
        self.conclude(case, steps)
    }

    /// The gate did not let the action pass as it was asked for.
    fn stopped_at(&mut self, gate: Gate, request: Request, machine: Known<Machine>) -> Explanation {
        let decision = match gate {
            Gate::Open(actions) => {
                let status = crate::decide::stock::status::FALLBACK;
                let reason = Reason::new(Source::PolicyRcD { status }, "asks for other actions");
                Decision::because(Verdict::FallBack(actions), reason)
            }
            Gate::Shut(reason) => Decision::because(Verdict::Deny, reason),
            Gate::Ends(status, reason) => Decision::because(Verdict::Emulate(status), reason),
            Gate::GoingDown => return self.conclude_open(request, machine),
        };
        let case = Case {
            facts: self.session.unseen(&request, self.kind, machine),
            decision,
            owed: self.session.owed_to(&request.unit.service()),
            request,
            outcome: None,
        };
        let way = way::of_invoke_rc_d(&case, case.request.action.as_str());
        let steps = self.steps_of(&way, &case, Wait::Done);
        self.conclude(case, steps)
    }

    fn conclude_open(&mut self, request: Request, machine: Known<Machine>) -> Explanation {
        let case = self.decide_unseen(request, machine);
        self.conclude(case, Vec::new())
    }

    /// Everything through the init itself.
    fn through(&mut self, init: &mut dyn Init, request: &Request) -> Result<Explanation, String> {
        let text = |error: crate::init::InitError| error.to_string();
        let request = request.clone();
        let mut going_down = false;
        if request.front == FrontEnd::InvokeRcD {
            match self.gate_by_unit(init, &request).map_err(text)? {
                Gate::Open(actions) if actions == [request.action.as_str()] => {}
                Gate::GoingDown => going_down = true,
                gate => return Ok(self.stopped_at(gate, request, Known::default())),
            }
        }
        let (mut facts, owed) = self.session.observe(init, &request, None).map_err(text)?;
        if going_down {
            facts.machine = Known::Is(Machine::Stopping);
        }
        if request.front == FrontEnd::DebSystemdInvoke {
            facts.helper = self.asked_helper(&request, &[request.unit.as_str()]);
            for (other, action) in also_asked(&request, &facts, owed.as_ref()) {
                let answer = self.ask_helper(&[other.as_str(), action.as_str()]);
                facts.helper_related.push((other, answer));
            }
        }
        let mut request = request;
        if let (Some(entry), Some(began)) = (&owed, request.context.batch_started) {
            // It is already under way.
            request.context.batch_started = Some(began.min(entry.since));
        }
        let case = self.session.decide(request, facts, owed);
        let way = match case.request.front {
            FrontEnd::InvokeRcD => way::of_invoke_rc_d(&case, case.request.action.as_str()),
            FrontEnd::DebSystemdInvoke | FrontEnd::Rcpolicy => way::of_deb_systemd_invoke(&case),
        };
        let steps = self.steps_of(&way, &case, Wait::Done);
        Ok(self.conclude(case, steps))
    }

    fn steps_of(&self, way: &Way, case: &Case, wait: Wait) -> Vec<String> {
        let unit = &case.facts.unit.id;
        match way {
            Way::Denied | Way::Masked => Vec::new(),
            Way::Ends(status) => vec![format!("nothing runs, the exit status is {status}")],
            Way::Instead(actions) => vec![format!(
                "these are tried in turn, each decided anew: {}",
                actions.join(", ")
            )],
            Way::Script(word) => {
                let path = detect::script_path(&case.request.named);
                let mut steps = vec![format!("run `{path} {word}`")];
                steps.extend(case.owed.as_ref().map(|entry| {
                    format!(
                        "strike the note about {} where that settles it",
                        entry.service
                    )
                }));
                steps
            }
            Way::ShowStatus => vec![format!("run `systemctl status {unit}`")],
            Way::Kill => vec![format!("kill all processes of {unit}")],
            Way::Foreign => vec![format!("run `systemctl {} {unit}`", case.request.action)],
            Way::Plan | Way::Note => plan_all(&[case.decided()], &self.session.policy)
                .steps(wait)
                .iter()
                .map(step::step)
                .collect(),
        }
    }

    fn helper_not_asked(&mut self, request: &Request) {
        let _ = self.asked_helper(request, &[request.named.as_str()]);
    }

    fn conclude(&mut self, case: Case, steps: Vec<String>) -> Explanation {
        let Case {
            request,
            facts,
            decision,
            owed,
            ..
        } = case;
        match &facts.machine {
            Known::Is(machine) => self.facts.push(Fact::seen("machine", machine.as_str())),
            Known::Unknown(why) => self.facts.push(Fact::unknown("machine", why)),
        }
        match &owed {
            Some(entry) => self.facts.push(Fact::seen("ledger", pending::what(entry))),
            None if facts.life.is_none() => {
                let why = "there is no running init here to keep one for";
                self.facts.push(Fact::unknown("ledger", why));
            }
            None => self.facts.push(Fact::seen("ledger", "nothing is owed")),
        }
        let mut all = std::mem::take(&mut self.facts);
        all.extend(words::units(&facts));
        Explanation {
            version: 1,
            call: format!(
                "{} {} {}{}",
                request.front.as_str(),
                request.named,
                request.action,
                flags(&request)
            ),
            asked_by: asked_by(&request),
            verdict: decision.verdict,
            reasons: decision.reasons,
            steps,
            facts: all,
            notes: std::mem::take(&mut self.notes),
        }
    }
}

fn flags(request: &Request) -> String {
    let given: Vec<String> = request
        .flags
        .iter()
        .map(|flag| format!(" --{}", flag.as_str()))
        .collect();
    given.concat()
}

fn asked_by(request: &Request) -> String {
    let context = &request.context;
    match (&context.package, &context.script) {
        (Some(package), Some(script)) => {
            format!("{package}'s {script} ({})", context.phase.as_str())
        }
        _ => "nobody, as on a command line".to_owned(),
    }
}

#[cfg(test)]
mod tests;
