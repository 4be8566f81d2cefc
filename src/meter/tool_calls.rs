//! The calls of tools among the items of a response, one after the other: those that are charged are counted.

use crate::dialect::Figure;

#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    item: Item,
    /// Where code ran last: what runs in one container is one session.
    container: Option<String>,
}

/// The item that is being read.
#[derive(Debug, Default)]
struct Item {
    call: Option<Figure>,
    /// It looked at what had been found, and that is no search.
    is_no_search: bool,
    container: Option<String>,
}

impl ToolCalls {
    pub(super) fn begin_document(&mut self) {
        self.container = None;
    }

    pub(super) fn begin_item(&mut self) {
        self.item = Item::default();
    }

    pub(super) fn set_type(&mut self, item_type: &str) {
        self.item.call = match item_type {
            "web_search_call" => Some(Figure::WebSearch),
            "file_search_call" => Some(Figure::FileSearch),
            "code_interpreter_call" => Some(Figure::CodeInterpreter),
            "image_generation_call" => Some(Figure::ImageGeneration),
            _ => None,
        };
    }

    pub(super) fn set_action(&mut self, action: &str) {
        self.item.is_no_search = matches!(action, "open_page" | "find_in_page" | "find");
    }

    pub(super) fn set_container(&mut self, container: &str) {
        self.item.container = Some(container.to_owned());
    }

    /// What is to be counted of the item that was read.
    pub(super) fn end_item(&mut self) -> Option<Figure> {
        let Item { call, is_no_search, container } = std::mem::take(&mut self.item);
        match call? {
            Figure::WebSearch if is_no_search => None,
            Figure::CodeInterpreter if container.is_some() => {
                let is_same = container == self.container;
                self.container = container;
                (!is_same).then_some(Figure::CodeInterpreter)
            }
            call => Some(call),
        }
    }
}
