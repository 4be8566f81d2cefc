//! The body of an answer on its way: read for its cost, and without what the caller is not to see.

use super::{Next, Stream};
use crate::lifecycle::host::{Exchange, Side};
use crate::meter::{Meter, UsageChunkFilter};
use crate::upstream::UrlKey;

/// So much of an answer is copied at a time.
const LONGEST_PIECE: usize = 64 * 1024;

impl Stream {
    pub(in crate::lifecycle) fn response_body(
        &self,
        exchange: &dyn Exchange,
        size: usize,
        end_of_stream: bool,
    ) -> Next {
        let response = &mut self.state.borrow_mut().response;
        response.is_complete |= end_of_stream;
        if let Some(meter) = &mut response.meter {
            measure(exchange, meter, size);
        }
        if let Some(extra) = &mut response.extra {
            take_out(exchange, extra, size, end_of_stream);
        }
        if let Some(url_key) = &mut response.url_key {
            readdress(exchange, url_key, size, end_of_stream);
        }
        if let Some(body) = &mut response.replacement {
            // The first chunk becomes the whole body, the others nothing.
            exchange.replace_body(Side::Response, size, &std::mem::take(body));
        }
        Next::Continue
    }
}

/// Reads a piece of an answer; it goes on whatever becomes of that.
fn measure(exchange: &dyn Exchange, meter: &mut Meter, size: usize) {
    let mut begin: usize = 0;
    while begin < size && meter.reads() {
        let length = size.saturating_sub(begin).min(LONGEST_PIECE);
        match exchange.body(Side::Response, begin, length) {
            Some(piece) if piece.len() == length => meter.take(&piece),
            _ => meter.miss(),
        }
        begin = begin.saturating_add(length);
    }
}

/// Passes on a piece of an answer without the event that the caller has not asked for.
fn take_out(exchange: &dyn Exchange, extra: &mut UsageChunkFilter, size: usize, end_of_stream: bool) {
    let piece = exchange.body(Side::Response, 0, size).unwrap_or_default();
    let mut passed = extra.pass(&piece);
    if end_of_stream {
        passed.to_mut().extend(extra.finish());
    }
    if *passed != *piece {
        exchange.replace_body(Side::Response, size, &passed);
    }
}

/// Passes on a piece of an answer with the gateway's URL in the place of the provider's.
fn readdress(exchange: &dyn Exchange, url_key: &mut UrlKey, size: usize, end_of_stream: bool) {
    let piece = match size {
        0 => None,
        size => exchange.body(Side::Response, 0, size),
    };
    let mut passed = url_key.pass(&piece.unwrap_or_default());
    if end_of_stream {
        passed.extend(url_key.finish());
    }
    exchange.replace_body(Side::Response, size, &passed);
}
