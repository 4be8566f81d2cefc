//! Bytes and headers that belong to the other side.

use std::marker::PhantomData;
use std::{ptr, slice};

/// Bytes that somebody else owns, for as long as a call lasts.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::module) struct Buffer<'a> {
    start: *const u8,
    length: usize,
    owner: PhantomData<&'a [u8]>,
}

impl<'a> Buffer<'a> {
    pub(in crate::module) const NONE: Self = Self { start: ptr::null(), length: 0, owner: PhantomData };

    pub(in crate::module) fn of(bytes: &'a [u8]) -> Self {
        Self { start: bytes.as_ptr(), length: bytes.len(), owner: PhantomData }
    }

    pub(in crate::module) fn bytes(&self) -> &'a [u8] {
        bytes(self.start, self.length)
    }
}

/// A header of a map or of a call, in either direction.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::module) struct HeaderPair<'a> {
    name: *const u8,
    name_length: usize,
    value: *const u8,
    value_length: usize,
    owner: PhantomData<&'a [u8]>,
}

impl<'a> HeaderPair<'a> {
    pub(in crate::module) const NONE: Self =
        Self { name: ptr::null(), name_length: 0, value: ptr::null(), value_length: 0, owner: PhantomData };

    pub(in crate::module) fn of(name: &'a str, value: &'a [u8]) -> Self {
        Self {
            name: name.as_ptr(),
            name_length: name.len(),
            value: value.as_ptr(),
            value_length: value.len(),
            owner: PhantomData,
        }
    }

    pub(in crate::module) fn name(&self) -> &'a [u8] {
        bytes(self.name, self.name_length)
    }

    pub(in crate::module) fn value(&self) -> &'a [u8] {
        bytes(self.value, self.value_length)
    }
}

/// A text of Envoy's.
pub(in crate::module) fn text(buffer: &Buffer<'_>) -> Option<String> {
    std::str::from_utf8(buffer.bytes()).ok().map(str::to_owned)
}

/// The headers that a hook was given, as names and values of our own.
pub(in crate::module) fn read_headers(headers: &[HeaderPair<'_>]) -> Vec<(String, Vec<u8>)> {
    let read = |header: &HeaderPair<'_>| {
        (String::from_utf8_lossy(header.name()).into_owned(), header.value().to_vec())
    };
    headers.iter().map(read).collect()
}

/// The pieces of a body that a hook was given, in one.
pub(in crate::module) fn read_chunks(chunks: &[Buffer<'_>]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.bytes()).copied().collect()
}

fn bytes<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    #[expect(
        unsafe_code,
        reason = "whoever made the pair, Envoy or a slice above, has so many bytes there for as long as its lifetime says"
    )]
    unsafe {
        slice::from_raw_parts(start, length)
    }
}
