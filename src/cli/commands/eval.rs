//! `claimgate eval`: one expression on one call, on the core that decides in Envoy.

mod observer;
mod rendering;

use std::io;
use std::path::Path;

use clap::Args;

use super::test::{CallName, Played, play};
use crate::cli::configuration::{Loaded, Sources, rule_id, stand_in, wrong_expression};
use crate::cli::document::{Finding, nearest};
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::{Config, ConfigError, Mode, Timestamp};
use crate::expression::{Engine, Explained, Expression, Shown};
use crate::gateway::Gateway;
use crate::policy::{self, VOCABULARY};
use observer::{asked_rules, with_observer};
use rendering::{document, tree};

const EXAMPLES: &str = "\
Examples:
  claimgate eval 'principal.scopes' --call 'policies/operation_scopes.test.yaml#a key with the scope chat may chat'
  claimgate eval --rule model_allow_list --call 'policies/model_allow_list.test.yaml#a claim' --explain
  claimgate eval 'request.time.getDayOfWeek()' --now 2026-01-04T12:00:00Z --call policies/batch_hours.test.yaml#other

The call is played as `claimgate test` plays it, after those before it. Its name is the `note`, or a beginning of it that no
other call has. The expression sees what a rule would see.

With --explain, each part is on a line of its own, with what it came to:
  = value   it was evaluated
  ! error   it has no value, and why
  - reason  it was not evaluated, and why
Constants are not repeated. Of a macro such as `all`, the range is shown, and for up to 10 entries what came of each.

Exit status: 0 the value is true, or no boolean; 1 it is false; 2 there is none: the expression errs or does not compile, the
gateway does not ask a rule about this call, or the configuration or the script is wrong.";

/// The name of the expression's place, where it has no file.
const ARGUMENT: &str = "expression";

/// Evaluates one CEL expression on a call of a script, by the code that decides in Envoy
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Eval {
    /// CEL over the variables of a rule
    #[arg(value_name = "EXPRESSION", required_unless_present = "rule", conflicts_with = "rule")]
    expression: Option<String>,
    /// A rule of gateway.yaml whose expression is evaluated
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// A script and the name of one of its calls
    #[arg(long, value_name = "SCRIPT#NAME", value_parser = CallName::parse)]
    call: CallName,
    #[command(flatten)]
    sources: Sources,
    /// Shows what each part of the expression came to
    #[arg(long)]
    explain: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// When the call happens, in RFC 3339; without it, when its script says
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
}

/// What is to be evaluated.
struct Subject {
    text: String,
    when: Option<String>,
}

impl Eval {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self.evaluate(terminal)? {
            Ok(exit) => Ok(exit),
            Err(findings) => terminal.complain(&findings),
        }
    }

    fn evaluate(&self, terminal: &mut Terminal<'_>) -> io::Result<Result<Exit, Vec<Finding>>> {
        let compiled = self.sources.load().and_then(|Loaded { config, .. }| {
            let subject = self.subject(&config).map_err(|finding| vec![finding])?;
            let wrong =
                |error: ConfigError| vec![Finding::in_file(&self.sources.config, error.why).on(error.at)];
            let engine = policy::engine(&config.variables).map_err(wrong)?;
            let expression = compile(&engine, &subject.text)?;
            // What it reads may need a section of the configuration.
            let observed = with_observer(config.clone(), expression.reads(), Mode::Shadow);
            Gateway::compile(&observed, &stand_in(&observed)).map_err(wrong)?;
            Ok((config, subject, engine, expression))
        });
        let (config, subject, engine, expression) = match compiled {
            Ok(compiled) => compiled,
            Err(findings) => return Ok(Err(findings)),
        };
        let observed = |mode| with_observer(config.clone(), expression.reads(), mode);
        let now = self.now.and_then(|now| u64::try_from(now.unix_seconds()).ok());
        let played = play(observed(Mode::Enforce), &self.call, now)
            .and_then(|asked| Ok((asked, play(observed(Mode::Shadow), &self.call, now)?)));
        let (asked, played) = match played {
            Ok(played) => played,
            Err(findings) => return Ok(Err(findings)),
        };
        let facts = played.gateway.facts_of(&played.call, played.moment);
        let Some(facts) = facts.filter(|_| asked_rules(&asked.call)) else {
            return self.tell_unasked(&asked, &subject, terminal).map(Ok);
        };
        let scope = engine.scope(expression.reads(), &facts);
        let value = expression.shown(&scope).map_err(|fault| fault.to_string());
        let explained = self.explain.then(|| Engine::explain(&subject.text, &VOCABULARY, &scope));
        let explained = match explained.transpose() {
            Ok(explained) => explained,
            Err(error) => return Ok(Err(vec![Finding::in_file(Path::new(ARGUMENT), error.why)])),
        };
        if let Some(when) = &subject.when
            && let Ok(when) = engine.compile(ARGUMENT, when, &VOCABULARY)
            && when.boolean(&engine.scope(when.reads(), &facts)) == Ok(false)
        {
            writeln!(
                terminal.errors,
                "note: the rule's `when` is `false`, so that the gateway does not ask it about this call"
            )?;
        }
        self.tell(&subject, &value, explained.as_ref(), terminal).map(Ok)
    }

    fn subject(&self, config: &Config) -> Result<Subject, Finding> {
        let Some(id) = &self.rule else {
            return Ok(Subject { text: self.expression.clone().unwrap_or_default(), when: None });
        };
        let mut rules = config.policies.iter();
        if let Some(rule) = rules.find(|rule| rule_id(&rule.file) == id) {
            return Ok(Subject {
                text: rule.expression.clone().unwrap_or_default(),
                when: rule.when.clone(),
            });
        }
        let ids: Vec<&str> = config.policies.iter().map(|rule| rule_id(&rule.file)).collect();
        let remedy = match nearest(id, ids.iter().copied()) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => format!("there are `{}`", ids.join("`, `")),
        };
        Err(Finding::in_file(&self.sources.config, format!("there is no rule `{id}`; {remedy}"))
            .on("policies"))
    }

    fn tell(
        &self,
        subject: &Subject,
        value: &Result<Shown, String>,
        explained: Option<&Explained>,
        terminal: &mut Terminal<'_>,
    ) -> io::Result<Exit> {
        match (self.format, value) {
            (Format::Json, _) => {
                writeln!(terminal.output, "{:#}", document(&subject.text, value, explained))?
            }
            (Format::Text, Ok(shown)) => writeln!(terminal.output, "{}", shown.text)?,
            (Format::Text, Err(why)) => {
                writeln!(terminal.errors, "error: the expression has no value for this call: {why}")?;
            }
        }
        if let (Format::Text, Some(explained)) = (self.format, explained) {
            write!(terminal.output, "\n{}", tree(explained))?;
        }
        Ok(match value {
            Ok(shown) if shown.json == false => Exit::IsFalse,
            Ok(_) => Exit::Fine,
            Err(_) => Exit::Wrong,
        })
    }

    /// Says why no rule is asked about the call.
    fn tell_unasked(
        &self,
        asked: &Played,
        subject: &Subject,
        terminal: &mut Terminal<'_>,
    ) -> io::Result<Exit> {
        let why = match asked.call.denial() {
            Some(denial) => {
                let note = denial.note().map(|note| format!(" ({note})")).unwrap_or_default();
                let (code, status) = (denial.reason().code(), denial.status());
                format!("the gateway refuses this call before it asks a rule: {code}, {status}{note}")
            }
            None if asked.call.is_open() => {
                "the gateway lets this call through without asking a rule".to_owned()
            }
            None => "the gateway answers this call itself, without asking a rule".to_owned(),
        };
        match self.format {
            Format::Text => writeln!(terminal.errors, "error: {why}")?,
            Format::Json => {
                let mut told = document(&subject.text, &Err(why), None);
                if let (Some(denial), Some(told)) = (asked.call.denial(), told.as_object_mut()) {
                    told.insert("reason".to_owned(), denial.reason().code().into());
                }
                writeln!(terminal.output, "{told:#}")?;
            }
        }
        Ok(Exit::Wrong)
    }
}

fn compile(engine: &Engine, text: &str) -> Result<Expression, Vec<Finding>> {
    let compiled = engine.compile(ARGUMENT, text, &VOCABULARY);
    compiled.map_err(|error| vec![wrong_expression(Path::new(ARGUMENT), (ARGUMENT, text), &error)])
}
