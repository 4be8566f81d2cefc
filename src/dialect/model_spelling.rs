//! The names under which one model goes.
//!
//! Providers and their clients write the same model in several ways: in another case, with the region of a Bedrock
//! inference profile (`us.anthropic.claude-…`), as an ARN of AWS, as Google's resource (`models/…`,
//! `publishers/google/models/…`), behind the provider's name (`openai/gpt-4o`). A spelling is the name with one of these
//! taken off, so that whoever looks for a model finds it under each. Where Vertex AI writes a model's date behind `@`, its
//! maker writes `-`, and nothing for `@default`.
//!
//! What was made under an account has no further spelling: it is not the model that it was made of. A name behind somebody
//! else's (`someone/gpt-4o`) is taken for that model only where it is forbidden.

use super::case_folding::fold;

/// Whose models clients name as `vendor/model` and Bedrock as `vendor.model`.
const VENDORS: [&str; 22] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "meta-llama",
    "minimax",
    "mistral",
    "mistralai",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "x-ai",
    "zai",
];

/// What else stands before a model's name in clients that speak to many providers, and in Google's names.
const ROUTES: [&str; 8] =
    ["azure", "azure_ai", "bedrock", "gemini", "models", "vertex_ai", "xai", "openrouter"];

/// Longer is none of AWS's names for groups of regions, such as `us-gov` or `global`.
const LONGEST_REGION: usize = 8;

/// One model's name, with all that it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    sent: String,
    /// As the model's maker writes it, where Vertex AI's name for it was sent.
    makers: Option<String>,
}

impl Spelling {
    pub fn of(model: &str) -> Self {
        let sent: String = model.chars().map(fold).collect();
        Self { makers: makers(&sent), sent }
    }

    /// The name as it was sent, then each that says less.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let spelled = [Some(self.as_sent()), self.makers.as_deref()].into_iter().flatten();
        spelled.flat_map(|name| std::iter::successors(Some(name), |name| without_prefix(name)))
    }

    /// The name as it was sent, but for its case.
    pub fn as_sent(&self) -> &str {
        &self.sent
    }

    /// What is left of the name: `claude-sonnet-4-5-20250929-v1:0`.
    pub fn bare(&self) -> &str {
        self.all().last().unwrap_or_default()
    }

    /// The last part of the name, whoever stands before it.
    pub fn behind_anybody(&self) -> &str {
        let bare = self.bare();
        bare.rsplit_once('/').map_or(bare, |(_, name)| name)
    }
}

/// `claude-haiku-4-5-20251001` of `claude-haiku-4-5@20251001`; other versions behind `@` are names of their own.
fn makers(name: &str) -> Option<String> {
    const DATE: usize = "20251001".len();
    match name.split_once('@')? {
        (model, "default") => Some(model.to_owned()),
        (model, date) if date.len() == DATE && date.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(format!("{model}-{date}"))
        }
        _ => None,
    }
}

fn without_prefix(name: &str) -> Option<&str> {
    if name.starts_with("arn:") {
        // arn:partition:service:region:account:resource, and the resource may hold colons.
        let resource = name.splitn(6, ':').nth(5)?;
        let everybodys = ["foundation-model/", "inference-profile/"];
        return everybodys.iter().find_map(|kind| resource.strip_prefix(kind));
    }
    if let Some((_, published)) = name
        .split_once("publishers/")
        .filter(|(before, _)| before.is_empty() || before.starts_with("projects/"))
    {
        let (vendor, model) = published.split_once("/models/")?;
        return VENDORS.contains(&vendor).then_some(model);
    }
    if let Some((before, model)) = name.split_once('/') {
        return (VENDORS.contains(&before) || ROUTES.contains(&before)).then_some(model);
    }
    let (first, rest) = name.split_once('.')?;
    let is_region = || {
        first.len() <= LONGEST_REGION && first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let is_of_vendor = || rest.split_once('.').is_some_and(|(vendor, _)| VENDORS.contains(&vendor));
    (VENDORS.contains(&first) || is_region() && is_of_vendor()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::Spelling;

    #[test]
    fn a_model_is_found_under_each_of_its_names() {
        const CLAUDE: &str = "claude-sonnet-4-5-20250929-v1:0";
        for (sent, bare, note) in [
            ("gpt-4o", "gpt-4o", "a name that says no more"),
            ("GPT-4o", "gpt-4o", "another case"),
            ("gpt-4.1", "gpt-4.1", "a point is no prefix"),
            ("openai/gpt-4o", "gpt-4o", "behind the provider"),
            ("openrouter/OpenAI/gpt-4o", "gpt-4o", "behind two"),
            ("azure/gpt-4o", "gpt-4o", "as clients of many providers write it"),
            ("models/gemini-2.5-pro", "gemini-2.5-pro", "Google's name"),
            ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", "Vertex"),
            (
                "projects/p/locations/l/publishers/google/models/gemini-2.5-pro",
                "gemini-2.5-pro",
                "in a project",
            ),
            ("claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001", "Vertex's date"),
            ("anthropic/claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001", "behind its maker"),
            (
                "publishers/anthropic/models/claude-haiku-4-5@20251001",
                "claude-haiku-4-5-20251001",
                "as a resource",
            ),
            ("claude-opus-4-6@default", "claude-opus-4-6", "the latest"),
            ("google/gemini-2.5-pro", "gemini-2.5-pro", "in OpenAI's words"),
            ("textembedding-gecko@003", "textembedding-gecko@003", "a version is a name of its own"),
            ("m@2025100a", "m@2025100a", "no date"),
            ("m@1@20251001", "m@1@20251001", "two signs"),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE, "Bedrock's name"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE, "an inference profile"),
            ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE, "of another partition"),
            ("GLOBAL.Anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE, "in another case"),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
                CLAUDE,
                "an ARN",
            ),
            (
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
                CLAUDE,
                "an ARN of an inference profile",
            ),
            (
                "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                CLAUDE,
                "behind a provider, with a region",
            ),
            ("someone/gpt-4o", "someone/gpt-4o", "somebody else's model of that name"),
            ("someone.gpt-4o", "someone.gpt-4o", "so with a point"),
            ("ft:gpt-4o:acme::abc", "ft:gpt-4o:acme::abc", "a fine-tuned model is another one"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
                "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
                "a model of the account",
            ),
            ("publishers/someone/models/gpt-4o", "publishers/someone/models/gpt-4o", "an unknown publisher"),
            ("arn:", "arn:", "no ARN"),
            ("", "", "nothing"),
            ("/", "/", "no name"),
        ] {
            assert_eq!(Spelling::of(sent).bare(), bare, "{note}");
        }
    }

    #[test]
    fn the_name_that_says_most_stands_first() {
        let profile = Spelling::of("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-3");
        let all: Vec<&str> = profile.all().skip(1).collect();
        assert_eq!(all, ["eu.anthropic.claude-3", "anthropic.claude-3", "claude-3"]);
        let vertex = Spelling::of("anthropic/claude-haiku-4-5@20251001");
        let all: Vec<&str> = vertex.all().collect();
        let makers = ["anthropic/claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"];
        assert_eq!(
            all,
            [&["anthropic/claude-haiku-4-5@20251001", "claude-haiku-4-5@20251001"], &makers[..]].concat()
        );
        assert_eq!(Spelling::of("someone/gpt-4o").behind_anybody(), "gpt-4o");
    }
}
