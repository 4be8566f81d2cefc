//! What the ledger asks of its host.

/// Where pages live: shared data under Envoy, memory in tests and on the command line.
pub trait Store {
    /// The page and its version, which is never 0; `None` where the page is absent.
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)>;

    /// Writes where `version` is still the one that was read. The ledger never passes 0, which shared data
    /// takes for "do not compare".
    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict>;

    /// Writes `bytes` where the page is absent; a page that exists stays as it is. On shared data that takes
    /// a version that is never current and not 0, since only the first write of a key is not compared.
    fn create(&self, page: u32, bytes: &[u8]);
}

/// Another writer was faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;
