//! One exchange of the scripted host, with the buffers of a real one: what is held stays until it is let go.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::Value;

use crate::denial::Answer;
use crate::lifecycle::{Attribute, Exchange, Item, Part, Side};
use crate::request::Headers;

/// Names and values in the order in which they came.
type Lines = Vec<(String, Vec<u8>)>;

/// What the host has of one exchange.
#[derive(Default)]
pub(super) struct Played {
    headers: RefCell<BTreeMap<u8, Lines>>,
    buffers: [RefCell<Vec<u8>>; 2],
    pub(super) texts: RefCell<Vec<(Attribute, String)>>,
    pub(super) numbers: RefCell<Vec<(Attribute, u64)>>,
    answers: RefCell<Vec<Answer>>,
    expects_visits: Cell<bool>,
    resumes: Cell<usize>,
    is_cut: Cell<bool>,
    kept: RefCell<Vec<(Item, Vec<u8>)>>,
}

impl Played {
    pub(super) fn put(&self, part: Part, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        self.headers.borrow_mut().insert(part as u8, headers.collect());
    }

    pub(super) fn buffer(&self, side: Side) -> &RefCell<Vec<u8>> {
        &self.buffers[side as usize]
    }

    /// The one answer of the gateway's own: its status, and the reason in its body.
    pub(super) fn refusal(&self) -> Option<(u32, String)> {
        let answers = self.answers.borrow();
        assert!(answers.len() <= 1, "answered {} times", answers.len());
        let answer = answers.first()?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        Some((answer.status, body["error"]["code"].as_str().unwrap_or_default().to_owned()))
    }

    /// A header of that answer.
    pub(super) fn answer_header(&self, name: &str) -> Option<String> {
        let answers = self.answers.borrow();
        let headers = &answers.first()?.headers;
        headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    pub(super) fn expects_visits(&self) -> bool {
        self.expects_visits.get()
    }

    pub(super) fn resumes(&self) -> usize {
        self.resumes.get()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    pub(super) fn header(&self, part: Part, name: &str) -> Option<String> {
        let headers = self.headers.borrow();
        let values = headers.get(&(part as u8))?.iter().filter(|(other, _)| other == name);
        let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The record, once it is written.
    pub(super) fn record(&self) -> Value {
        let records = self.kept.borrow();
        let mut records = records.iter().filter(|(item, _)| *item == Item::Record);
        let (record, more) = (records.next(), records.next());
        assert!(more.is_none(), "two records");
        record.map(|(_, record)| serde_json::from_slice(record).unwrap()).unwrap_or_default()
    }
}

impl Exchange for Played {
    fn headers(&self, part: Part) -> Headers {
        let mut headers = Headers::with_capacity(0, 0);
        for (name, value) in self.headers.borrow().get(&(part as u8)).into_iter().flatten() {
            headers.push(name, value);
        }
        headers
    }

    fn set_header(&self, part: Part, name: &str, value: &[u8]) {
        self.remove_header(part, name);
        let mut headers = self.headers.borrow_mut();
        headers.entry(part as u8).or_default().push((name.to_owned(), value.to_vec()));
    }

    fn remove_header(&self, part: Part, name: &str) {
        let mut headers = self.headers.borrow_mut();
        headers.entry(part as u8).or_default().retain(|(other, _)| other != name);
    }

    fn body(&self, side: Side, begin: usize, length: usize) -> Option<Vec<u8>> {
        self.buffer(side).borrow().get(begin..begin.saturating_add(length)).map(<[u8]>::to_vec)
    }

    fn replace_body(&self, side: Side, length: usize, content: &[u8]) -> bool {
        self.buffer(side).borrow_mut().splice(..length, content.iter().copied());
        true
    }

    fn answer(&self, answer: &Answer) {
        self.answers.borrow_mut().push(answer.clone());
    }

    fn expect_visits(&self) {
        self.expects_visits.set(true);
    }

    fn resume(&self) {
        self.resumes.set(self.resumes.get().saturating_add(1));
    }

    fn cut_off(&self) {
        self.is_cut.set(true);
    }

    fn text(&self, attribute: Attribute) -> Option<String> {
        let texts = self.texts.borrow();
        texts.iter().rev().find(|(other, _)| *other == attribute).map(|(_, text)| text.clone())
    }

    fn number(&self, attribute: Attribute) -> Option<u64> {
        let numbers = self.numbers.borrow();
        numbers.iter().rev().find(|(other, _)| *other == attribute).map(|(_, number)| *number)
    }

    fn remember(&self, item: Item, value: &[u8]) {
        self.kept.borrow_mut().push((item, value.to_vec()));
    }

    fn remembered(&self, item: Item) -> Option<Vec<u8>> {
        self.kept.borrow().iter().find(|(other, _)| *other == item).map(|(_, value)| value.clone())
    }
}
