//! One stream of Envoy's, during one hook.

use std::marker::PhantomData;

use super::buffer::{Buffer, HeaderPair};
use super::callbacks::{Callbacks, Stream};
use super::scheduler::Scheduler;
use super::teller::{Defined, Teller};

/// A stream, for as long as Envoy waits for a hook of it to return.
pub(in crate::module) struct StreamHandle<'a> {
    stream: Stream,
    callbacks: &'static Callbacks,
    hook: PhantomData<&'a ()>,
}

/// Headers or trailers, by the numbers of the interface.
#[derive(Clone, Copy)]
pub(in crate::module) enum HeaderMap {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
}

/// A part of a body: what has just come, or what Envoy holds of what came before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::module) enum BodyPart {
    ReceivedRequest = 0,
    BufferedRequest = 1,
    ReceivedResponse = 2,
}

/// Attributes that are texts.
#[derive(Clone, Copy)]
pub(in crate::module) enum Text {
    CodeDetails = 16,
    SourceAddress = 24,
    CertificateDigest = 38,
}

/// Attributes that are numbers.
#[derive(Clone, Copy)]
pub(in crate::module) enum Number {
    Status = 15,
    ResponseFlags = 17,
    SourcePort = 25,
}

/// `connection.mtls`, the only truth value that is asked for.
const MTLS: u32 = 29;

impl StreamHandle<'_> {
    /// # Safety
    /// The stream must be one whose hook Envoy waits for, and `'a` no longer than that.
    #[expect(unsafe_code, reason = "a pointer of Envoy's")]
    pub(in crate::module) unsafe fn of(stream: Stream, callbacks: &'static Callbacks) -> Self {
        Self { stream, callbacks, hook: PhantomData }
    }

    /// The headers of a map; they are there until it is changed, or the hook returns.
    pub(in crate::module) fn headers(&self, map: HeaderMap) -> Vec<HeaderPair<'_>> {
        #[expect(unsafe_code, reason = "it takes a number")]
        let count = unsafe { (self.callbacks.http_get_headers_size)(self.stream, map as u32) };
        let mut headers = vec![HeaderPair::NONE; count];
        #[expect(unsafe_code, reason = "there is room for as many as it has said")]
        let is_there = count > 0
            && unsafe { (self.callbacks.http_get_headers)(self.stream, map as u32, headers.as_mut_ptr()) };
        if is_there { headers } else { Vec::new() }
    }

    /// Puts one value in the place of all; an empty one takes the header off.
    pub(in crate::module) fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) {
        let (name, value) = (Buffer::of(name.as_bytes()), Buffer::of(value));
        #[expect(unsafe_code, reason = "Envoy copies both during the call")]
        unsafe {
            (self.callbacks.http_set_header)(self.stream, map as u32, name, value);
        }
    }

    pub(in crate::module) fn remove_header(&self, map: HeaderMap, name: &str) {
        #[expect(unsafe_code, reason = "no value at all takes it off")]
        unsafe {
            (self.callbacks.http_set_header)(
                self.stream,
                map as u32,
                Buffer::of(name.as_bytes()),
                Buffer::NONE,
            );
        }
    }

    pub(in crate::module) fn body_size(&self, part: BodyPart) -> usize {
        #[expect(unsafe_code, reason = "it takes a number")]
        unsafe {
            (self.callbacks.http_get_body_size)(self.stream, part as u32)
        }
    }

    /// The pieces of a part; they are there until it is changed, or the hook returns.
    pub(in crate::module) fn chunks(&self, part: BodyPart) -> Vec<Buffer<'_>> {
        #[expect(unsafe_code, reason = "it takes a number")]
        let count = unsafe { (self.callbacks.http_get_body_chunks_size)(self.stream, part as u32) };
        let mut chunks = vec![Buffer::NONE; count];
        #[expect(unsafe_code, reason = "there is room for as many as it has said")]
        let is_there = count > 0
            && unsafe {
                (self.callbacks.http_get_body_chunks)(self.stream, part as u32, chunks.as_mut_ptr())
            };
        if is_there { chunks } else { Vec::new() }
    }

    /// True where what has just come and what is held are one buffer, since Envoy plays a body again that was held before.
    pub(in crate::module) fn is_played_again(&self) -> bool {
        #[expect(unsafe_code, reason = "it takes nothing")]
        unsafe {
            (self.callbacks.http_received_buffered_request_body)(self.stream)
        }
    }

    /// Puts `content` in the place of all that a part has; false where Envoy does not let it.
    pub(in crate::module) fn replace_part(&self, part: BodyPart, content: &[u8]) -> bool {
        let size = self.body_size(part);
        #[expect(unsafe_code, reason = "Envoy copies the content during the call")]
        unsafe {
            (size == 0 || (self.callbacks.http_drain_body)(self.stream, part as u32, size))
                && (content.is_empty()
                    || (self.callbacks.http_append_body)(self.stream, part as u32, Buffer::of(content)))
        }
    }

    /// Envoy 1.38 lacks the details and flags of a response, and says so in its log each time that it is asked.
    pub(in crate::module) fn tells_of_response(&self) -> bool {
        self.callbacks.http_filter_config_increment_counter.is_some()
    }

    pub(in crate::module) fn text(&self, attribute: Text) -> Option<&[u8]> {
        if matches!(attribute, Text::CodeDetails) && !self.tells_of_response() {
            return None;
        }
        #[expect(unsafe_code, reason = "it writes one buffer, whose bytes stay for as long as the hook")]
        found(|found| unsafe {
            (self.callbacks.http_filter_get_attribute_string)(self.stream, attribute as u32, found)
        })
    }

    pub(in crate::module) fn number(&self, attribute: Number) -> Option<u64> {
        if matches!(attribute, Number::ResponseFlags) && !self.tells_of_response() {
            return None;
        }
        let mut found = 0;
        #[expect(unsafe_code, reason = "it writes one number")]
        let is_there = unsafe {
            (self.callbacks.http_filter_get_attribute_int)(self.stream, attribute as u32, &raw mut found)
        };
        is_there.then_some(found)
    }

    /// True where the client has shown a certificate.
    pub(in crate::module) fn is_mtls(&self) -> bool {
        let mut found = false;
        #[expect(unsafe_code, reason = "it writes one truth value")]
        let is_there =
            unsafe { (self.callbacks.http_filter_get_attribute_bool)(self.stream, MTLS, &raw mut found) };
        is_there && found
    }

    /// The cluster that the route leads to; on a cluster, that one.
    pub(in crate::module) fn cluster(&self) -> Option<&[u8]> {
        #[expect(unsafe_code, reason = "it writes one buffer, whose bytes stay for as long as the route")]
        found(|found| unsafe { (self.callbacks.http_get_cluster_name)(self.stream, found) })
    }

    pub(in crate::module) fn set_state(&self, key: &str, value: &[u8]) {
        let (key, value) = (Buffer::of(key.as_bytes()), Buffer::of(value));
        #[expect(unsafe_code, reason = "Envoy copies both during the call")]
        unsafe {
            (self.callbacks.http_set_filter_state_bytes)(self.stream, key, value);
        }
    }

    pub(in crate::module) fn state(&self, key: &str) -> Option<&[u8]> {
        let key = Buffer::of(key.as_bytes());
        #[expect(unsafe_code, reason = "it writes one buffer, whose bytes stay for as long as the hook")]
        found(|found| unsafe { (self.callbacks.http_get_filter_state_bytes)(self.stream, key, found) })
    }

    pub(in crate::module) fn scheduler(&self) -> Scheduler {
        let Callbacks { http_filter_scheduler_commit, http_filter_scheduler_delete, .. } = self.callbacks;
        #[expect(unsafe_code, reason = "made in a hook of the stream, with what is done to one of a stream")]
        unsafe {
            let pointer = (self.callbacks.http_filter_scheduler_new)(self.stream);
            Scheduler::of(pointer, *http_filter_scheduler_commit, *http_filter_scheduler_delete)
        }
    }

    /// Answers in the place of the provider. The stream may be over when this returns.
    pub(in crate::module) fn answer(
        self,
        status: u32,
        headers: &[HeaderPair<'_>],
        body: &[u8],
        details: &str,
    ) {
        let (body, details) = (Buffer::of(body), Buffer::of(details.as_bytes()));
        #[expect(unsafe_code, reason = "Envoy copies all of it during the call; the handle is gone after it")]
        unsafe {
            (self.callbacks.http_send_response)(
                self.stream,
                status,
                headers.as_ptr(),
                headers.len(),
                body,
                details,
            );
        }
    }

    /// Lets a request go on that was held. The stream may be over when this returns.
    pub(in crate::module) fn resume(self) {
        #[expect(unsafe_code, reason = "in a scheduled event; the handle is gone after it")]
        unsafe {
            (self.callbacks.http_filter_continue_decoding)(self.stream);
        }
    }

    /// Ends the stream at once.
    pub(in crate::module) fn cut_off(self, details: &str) {
        const LOCAL_RESET: u32 = 0;
        #[expect(
            unsafe_code,
            reason = "Envoy copies the details during the call; the handle is gone after it"
        )]
        unsafe {
            (self.callbacks.http_filter_reset_stream)(
                self.stream,
                LOCAL_RESET,
                Buffer::of(details.as_bytes()),
            );
        }
    }
}

impl Teller for StreamHandle<'_> {
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64) {
        #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
        unsafe {
            (self.callbacks.http_filter_increment_counter)(
                self.stream,
                metric.id,
                values.as_ptr(),
                values.len(),
                amount,
            );
        }
    }

    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64) {
        #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
        unsafe {
            (self.callbacks.http_filter_set_gauge)(
                self.stream,
                metric.id,
                values.as_ptr(),
                values.len(),
                value,
            );
        }
    }
}

/// The bytes that Envoy points to, where it has any.
fn found<'a>(find: impl FnOnce(*mut Buffer<'a>) -> bool) -> Option<&'a [u8]> {
    let mut found = Buffer::NONE;
    find(&raw mut found).then(|| found.bytes())
}
