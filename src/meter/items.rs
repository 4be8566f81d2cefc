//! What a response made, one thing after the other: of its calls of tools, those that are charged are counted.

use crate::dialect::Figure;

#[derive(Debug, Default)]
pub(super) struct Items {
    item: Item,
    /// Where code ran last: what runs in one place is one session.
    place: Option<String>,
}

/// The one that is being read.
#[derive(Debug, Default)]
struct Item {
    call: Option<Figure>,
    /// It looked at what had been found.
    searches_no_more: bool,
    place: Option<String>,
}

impl Items {
    pub(super) fn begin_document(&mut self) {
        self.place = None;
    }

    pub(super) fn begin(&mut self) {
        self.item = Item::default();
    }

    pub(super) fn name(&mut self, name: &str) {
        self.item.call = match name {
            "web_search_call" => Some(Figure::WebSearch),
            "file_search_call" => Some(Figure::FileSearch),
            "code_interpreter_call" => Some(Figure::CodeInterpreter),
            "image_generation_call" => Some(Figure::ImageGeneration),
            _ => None,
        };
    }

    pub(super) fn acts(&mut self, action: &str) {
        self.item.searches_no_more = matches!(action, "open_page" | "find_in_page" | "find");
    }

    pub(super) fn place(&mut self, place: &str) {
        self.item.place = Some(place.to_owned());
    }

    /// What is to be counted of the item that was read.
    pub(super) fn end(&mut self) -> Option<Figure> {
        let Item { call, searches_no_more, place } = std::mem::take(&mut self.item);
        match call? {
            Figure::WebSearch if searches_no_more => None,
            Figure::CodeInterpreter if place.is_some() => {
                let is_same = place == self.place;
                self.place = place;
                (!is_same).then_some(Figure::CodeInterpreter)
            }
            call => Some(call),
        }
    }
}
