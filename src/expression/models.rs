//! Patterns of models, matched with every name of a model: one notion of "the same model" for rules, scopes, minted tokens,
//! the kill switch and prices. `dialect` knows the names.
//!
//! In rules, `llm.model.glob(…)` is that question, and so is `('model:' + llm.model).glob(…)`, which asks scopes. It is found
//! in the syntax tree; `glob` of any other text compares as it is written.

use std::sync::Arc;

use cel_interpreter::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel_interpreter::extractors::This;
use cel_interpreter::{ExecutionError, IdedExpr, Value};

use super::glob::{GLOB, any_text, matches_glob};
use super::vocabulary::Vocabulary;
use crate::dialect::Spelling;

/// No text can name it.
pub(super) const MODEL_GLOB: &str = "@model_glob";

/// True where `pattern` allows `model`: one of the model's names matches it. What stands before the name in the pattern, such
/// as a region, is demanded.
pub fn allows_model(pattern: &str, model: &str) -> bool {
    allows(pattern, &Spelling::of(model))
}

fn allows(pattern: &str, model: &Spelling) -> bool {
    let pattern = Spelling::of(pattern);
    model.all().any(|name| matches_glob(pattern.as_sent(), name))
}

/// True where `pattern` forbids `model`: as for [`allows_model`], and whatever stands before the name in either.
pub fn forbids_model(pattern: &str, model: &str) -> bool {
    let (pattern, model) = (Spelling::of(pattern), Spelling::of(model));
    let names = model.all().chain([model.behind_anybody()]);
    names.into_iter().any(|name| matches_glob(pattern.as_sent(), name) || matches_glob(pattern.bare(), name))
}

/// `model.@model_glob(patterns, before)`: the patterns that matter start with the text `before`.
pub(super) fn model_glob(
    This(model): This<Arc<String>>,
    patterns: Value,
    before: Arc<String>,
) -> Result<bool, ExecutionError> {
    let (spelling, written) = (Spelling::of(&model), format!("{before}{model}"));
    any_text(GLOB, &patterns, |pattern| {
        let of_models = pattern.strip_prefix(before.as_str());
        Ok(of_models.is_some_and(|pattern| allows(pattern, &spelling))
            // A pattern such as `*` also stands for the text before the name.
            || matches_glob(pattern, &written))
    })
}

/// Lets every `glob` of a model ask for the model.
pub(super) fn ask_for_models(node: &mut IdedExpr, vocabulary: &Vocabulary) {
    if let Expr::Call(call) = &mut node.expr
        && let Some((model, before)) = asked(call, vocabulary)
    {
        let before = Expr::Literal(LiteralValue::String(before.into()));
        call.func_name = MODEL_GLOB.to_owned();
        call.target = Some(Box::new(model));
        call.args.push(IdedExpr { id: node.id, expr: before });
    }
    parts(&mut node.expr).into_iter().for_each(|part| ask_for_models(part, vocabulary));
}

/// The model that a call of `glob` is about, and the text that is put before it.
fn asked(call: &CallExpr, vocabulary: &Vocabulary) -> Option<(IdedExpr, String)> {
    let target = call.target.as_deref().filter(|_| call.func_name == GLOB && call.args.len() == 1)?;
    if is_model(target, vocabulary) {
        return Some((target.clone(), String::new()));
    }
    let Expr::Call(CallExpr { func_name, target: None, args }) = &target.expr else { return None };
    match args.as_slice() {
        [before, model] if func_name == operators::ADD && is_model(model, vocabulary) => match &before.expr {
            Expr::Literal(LiteralValue::String(before)) => Some((model.clone(), before.inner().to_owned())),
            _ => None,
        },
        _ => None,
    }
}

/// True for `llm.model` and `llm['model']`.
fn is_model(node: &IdedExpr, vocabulary: &Vocabulary) -> bool {
    let (owner, name) = match &node.expr {
        Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [owner, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] => {
                (owner, name.inner())
            }
            _ => return false,
        },
        _ => return false,
    };
    let Expr::Ident(owner) = &owner.expr else { return false };
    let variable = vocabulary.variables.iter().find(|variable| variable.name == owner.as_str());
    let fields = variable.and_then(|variable| variable.fields).unwrap_or_default();
    fields.iter().any(|field| field.name == name && field.is_model)
}

fn parts(expr: &mut Expr) -> Vec<&mut IdedExpr> {
    match expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Vec::new(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::Call(call) => call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).collect(),
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map.entries.iter_mut().flat_map(|entry| entry_parts(&mut entry.expr)).collect(),
        Expr::Struct(object) => {
            object.entries.iter_mut().flat_map(|entry| entry_parts(&mut entry.expr)).collect()
        }
        Expr::Comprehension(fold) => {
            let fold = &mut **fold;
            vec![
                &mut fold.iter_range,
                &mut fold.accu_init,
                &mut fold.loop_cond,
                &mut fold.loop_step,
                &mut fold.result,
            ]
        }
    }
}

fn entry_parts(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&mut field.value],
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
    }
}

#[cfg(test)]
mod tests {
    use super::{allows_model, forbids_model};
    use crate::expression::{Engine, Fact, Facts, Field, Vocabulary};

    #[test]
    fn what_a_pattern_allows_and_forbids() {
        let claude = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-3-haiku";
        for (pattern, model, allowed, forbidden, note) in [
            ("gpt-4o*", "gpt-4o-mini", true, true, "as it is written"),
            ("gpt-4o*", "GPT-4O-mini", true, true, "in another case"),
            ("GPT-4o*", "gpt-4o", true, true, "the pattern in another case"),
            ("gpt-4o*", "openai/gpt-4o", true, true, "behind the provider"),
            ("gpt-4o*", "someone/gpt-4o", false, true, "of somebody else: forbidden, not allowed"),
            ("openai/*", "openai/gpt-4o", true, true, "a pattern of the provider"),
            ("openai/*", "gpt-4o", false, true, "the provider is demanded, and its ban goes further"),
            ("claude-3-*", claude, true, true, "an ARN"),
            ("anthropic.claude-3-*", claude, true, true, "with the vendor"),
            ("eu.anthropic.*", claude, true, true, "with the region"),
            (
                "us.anthropic.claude-3-*",
                claude,
                false,
                true,
                "another region is not allowed; a ban holds in all",
            ),
            (
                "arn:aws:bedrock:*:*:inference-profile/eu.anthropic.claude-3-haiku",
                claude,
                true,
                true,
                "an ARN",
            ),
            ("o1*", "gpt-4o", false, false, "another model"),
            ("gpt-4o", "ft:gpt-4o:acme::x", false, false, "a fine-tuned model is another one"),
        ] {
            assert_eq!(allows_model(pattern, model), allowed, "{note}");
            assert_eq!(forbids_model(pattern, model), forbidden, "{note}");
        }
    }

    const VOCABULARY: Vocabulary = Vocabulary {
        variables: &[
            Field::object("llm", &[Field::model("model"), Field::value("operation")]),
            Field::object("principal", &[Field::value("scopes")]),
        ],
    };

    struct Call;

    impl Facts for Call {
        fn fact(&self, _variable: &str, field: Option<&str>) -> Fact {
            match field {
                Some("model") => Fact::text("us.anthropic.Claude-3-haiku"),
                Some("operation") => Fact::text("Chat"),
                _ => Fact::texts(&["chat".to_owned(), "model:claude-3-*".to_owned()]),
            }
        }
    }

    #[test]
    fn a_rule_asks_for_the_model_and_of_other_texts_for_what_is_written() {
        for (source, holds) in [
            ("llm.model.glob('claude-3-*')", true),
            ("llm['model'].glob(['o1*', 'anthropic.claude-*'])", true),
            ("!llm.model.glob('CLAUDE*')", false),
            ("['o1*', 'claude*'].exists(pattern, llm.model.glob(pattern))", true),
            ("('model:' + llm.model).glob(principal.scopes)", true),
            ("('model:' + llm.model).glob('*')", true),
            ("('model:' + llm.model).glob('claude*')", false),
            ("('models/' + llm.model).glob('models/us.*')", true),
            ("llm.operation.glob('chat')", false),
            ("llm.operation.glob('Ch*')", true),
            ("{'a': llm.model.glob('claude*')}['a'] && [llm.model.glob('claude*')][0]", true),
        ] {
            let engine = Engine::new().unwrap();
            let expression = engine.compile("test.cel", source, &VOCABULARY).unwrap();
            assert_eq!(expression.boolean(&engine.scope(expression.reads(), &Call)), Ok(holds), "{source}");
        }
    }
}
