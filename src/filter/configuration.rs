//! The configuration of the plugin, read from the host piece by piece.
//!
//! A VM's memory never shrinks, so a bundle of 100,000 keys that was in it once as a whole would stay there.

use std::io::{self, BufReader, Read};

use proxy_wasm::hostcalls;
use proxy_wasm::types::BufferType;

const PIECE: usize = 64 * 1024;

/// Reads what the host has from the beginning to the end.
#[derive(Default)]
pub(super) struct PluginConfiguration {
    /// How many bytes were read.
    position: usize,
}

impl PluginConfiguration {
    pub(super) fn open() -> BufReader<Self> {
        BufReader::with_capacity(PIECE, Self::default())
    }
}

impl Read for PluginConfiguration {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = hostcalls::get_buffer(BufferType::PluginConfiguration, self.position, buffer.len());
        let piece = piece.ok().flatten().unwrap_or_default();
        let count = piece.as_slice().read(buffer)?;
        self.position = self.position.saturating_add(count);
        Ok(count)
    }
}
