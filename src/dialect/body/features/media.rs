//! What media a request brings: text, images, audio, video, files.
//!
//! It is told by the keys that hold media, by the `type` of a part, and by media types, each in the words of all dialects: who
//! writes in another one's words is found, too. It errs towards finding. What the caller's own data and the tools are described
//! with is not searched, as no provider looks for media there.

use serde_json::{Map, Value};

use crate::dialect::body::json_object::nested_keys::Label;
use crate::dialect::case_folding::fold;
use crate::request::Wire;

/// Members of a body that bring nothing to the model: what it may use, and how it is to answer.
const SETTINGS: [&str; 10] = [
    "audio",
    "functions",
    "generationConfig",
    "generation_config",
    "modalities",
    "response_format",
    "text",
    "toolConfig",
    "tool_config",
    "tools",
];
/// Where what stands beside says what the file is.
const SOURCE: &str = "source";
/// Where a file is, whose kind may stand beside it.
const ADDRESSES: [&str; 4] = ["filedata", "fileid", "fileuri", "fileurl"];
const TEXTS: [&str; 9] =
    ["content", "input", "inputtext", "instructions", "messages", "prompt", "query", "system", "text"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    images: u64,
    audio: u64,
    videos: u64,
    files: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image,
    Audio,
    Video,
    File,
}

/// The media in a body.
#[derive(Debug, Default)]
pub(super) struct Media {
    counts: Counts,
    has_text: bool,
}

impl Media {
    pub(super) fn of(wire: Wire, body: &Map<String, Value>) -> Self {
        let mut media = Self::default();
        let parts = body.iter().filter(|(name, _)| !SETTINGS.contains(&name.as_str()));
        media.counts = media.members(wire, parts);
        media
    }

    pub(super) fn images(&self) -> u64 {
        self.counts.images
    }

    pub(super) fn modalities(&self) -> Vec<&'static str> {
        let Counts { images, audio, videos, files } = self.counts;
        let found = [
            ("text", self.has_text),
            ("image", images > 0),
            ("audio", audio > 0),
            ("video", videos > 0),
            ("file", files > 0),
        ];
        found.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect()
    }

    fn value(&mut self, wire: Wire, value: &Value) -> Counts {
        match value {
            Value::Array(list) => {
                list.iter().fold(Counts::default(), |sum, value| sum.plus(self.value(wire, value)))
            }
            Value::Object(object) => self.members(wire, object.iter()),
            Value::String(text) => Counts::one(Kind::of_address(text)),
            _ => Counts::default(),
        }
    }

    /// An object says what it is once, however often: by its type and by what is in it.
    fn members<'a>(
        &mut self,
        wire: Wire,
        members: impl Iterator<Item = (&'a String, &'a Value)> + Clone,
    ) -> Counts {
        let members = members.filter(|(_, value)| !value.is_null());
        let labels =
            members.clone().filter_map(|(name, value)| labelled(Label::of(wire, name), value.as_str()?));
        let mut label = labels.fold(Counts::default(), |most, kind| most.most(Counts::one(Some(kind))));
        let mut inside = Counts::default();
        for (name, value) in members.filter(|(name, _)| Label::of(wire, name) != Label::Data) {
            let name = folded(name);
            self.has_text |= TEXTS.contains(&name.as_str()) && has_text(value);
            let mut within = self.value(wire, value);
            if name == SOURCE {
                // Its `type` says how the file is given.
                within.files = within.files.min(media_types(value));
            }
            inside = inside.plus(match Kind::of_key(&name) {
                // A file that says what it has in it is no more than that.
                Some(Kind::File) if within != Counts::default() => within,
                Some(Kind::File) if label != Counts::default() && ADDRESSES.contains(&name.as_str()) => {
                    within
                }
                Some(kind) => within.most(Counts::several(kind, entries(value))),
                None => within,
            });
        }
        if inside != Counts::default() {
            label.files = 0;
        }
        label.most(inside)
    }
}

fn labelled(label: Label, word: &str) -> Option<Kind> {
    match label {
        Label::Kind => Kind::of_type(word),
        Label::MediaType => Kind::of_media_type(word),
        Label::Data | Label::Other => None,
    }
}

impl Counts {
    fn one(kind: Option<Kind>) -> Self {
        kind.map_or_else(Self::default, |kind| Self::several(kind, 1))
    }

    fn several(kind: Kind, count: u64) -> Self {
        let mut counts = Self::default();
        match kind {
            Kind::Image => counts.images = count,
            Kind::Audio => counts.audio = count,
            Kind::Video => counts.videos = count,
            Kind::File => counts.files = count,
        }
        counts
    }

    fn with(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            images: join(self.images, other.images),
            audio: join(self.audio, other.audio),
            videos: join(self.videos, other.videos),
            files: join(self.files, other.files),
        }
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn most(self, other: Self) -> Self {
        self.with(other, u64::max)
    }
}

impl Kind {
    /// What stands at a key, by its letters in lower case.
    fn of_key(name: &str) -> Option<Self> {
        let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
        match name {
            _ if ends(&["image", "images", "imageurl"]) => Some(Self::Image),
            _ if ends(&["audio", "audiourl"]) => Some(Self::Audio),
            _ if ends(&["video", "videourl"]) => Some(Self::Video),
            "mask" => Some(Self::Image),
            "file" | "document" | "inputfile" | "inlinedata" => Some(Self::File),
            _ if ADDRESSES.contains(&name) => Some(Self::File),
            _ => None,
        }
    }

    /// What a part is by its `type`.
    fn of_type(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            name if name.contains("image") || name == "computer_screenshot" => Some(Self::Image),
            name if name.contains("audio") => Some(Self::Audio),
            name if name.contains("video") => Some(Self::Video),
            "file" | "input_file" | "document" | "container_upload" => Some(Self::File),
            _ => None,
        }
    }

    fn of_media_type(name: &str) -> Option<Self> {
        let kind = name.split_once('/')?.0.to_ascii_lowercase();
        Some(match kind.as_str() {
            "image" => Self::Image,
            "audio" => Self::Audio,
            "video" => Self::Video,
            "application" | "font" | "model" | "multipart" | "text" => Self::File,
            _ => return None,
        })
    }

    /// What an address brings with it (RFC 2397).
    fn of_address(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim_start().split_at_checked("data:".len())?;
        let media_type = rest.split([';', ',']).next().unwrap_or_default().trim();
        scheme.eq_ignore_ascii_case("data:").then(|| Self::of_media_type(media_type)).flatten()
    }
}

/// The letters of a key in lower case.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').map(fold).collect()
}

/// How many media a key holds; a number or a flag is none.
fn entries(value: &Value) -> u64 {
    match value {
        Value::Array(list) => u64::try_from(list.len()).unwrap_or(u64::MAX),
        Value::String(text) => u64::from(!text.is_empty()),
        Value::Object(_) => 1,
        _ => 0,
    }
}

fn has_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(Value::is_string),
        _ => false,
    }
}

/// How many media types a source says.
fn media_types(source: &Value) -> u64 {
    let said = source.get("media_type").and_then(Value::as_str).and_then(Kind::of_media_type);
    u64::from(said == Some(Kind::File))
}
