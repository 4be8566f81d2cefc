//! What Envoy exports, found by name when the module is loaded.
//!
//! It is not linked: the command and the tests have the same code without an Envoy around them, and an Envoy that lacks something
//! is told what, instead of an error of the linker.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use super::buffer::{Buffer, HeaderPair};

/// The versions of the interface that these declarations are of: in what is used here they are the same. Envoy compares its own
/// with what it is told, and warns of another.
const VERSION_OF_1_38: &CStr = c"v0.1.0";
const VERSION_OF_1_40: &CStr = c"v0.2.0";

/// A stream's filter, a filter's configuration and a scheduler, each of Envoy's.
pub(super) type Stream = *mut c_void;
pub(super) type Configuration = *mut c_void;
type Scheduler = *mut c_void;

macro_rules! callbacks {
    (
        required { $($name:ident: fn($($type:ty),*) $(-> $result:ty)?;)* }
        newer { $($newer:ident: fn($($newer_type:ty),*) $(-> $newer_result:ty)?;)* }
    ) => {
        /// Envoy's side of the interface.
        pub(in crate::module) struct Callbacks {
            $(pub(super) $name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
            $(pub(super) $newer: Option<unsafe extern "C" fn($($newer_type),*) $(-> $newer_result)?>,)*
        }

        impl Callbacks {
            /// # Errors
            /// The name of what this process does not export.
            fn find() -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        let name = concat!("envoy_dynamic_module_callback_", stringify!($name));
                        let found = symbol(concat!("envoy_dynamic_module_callback_", stringify!($name), "\0"));
                        #[expect(unsafe_code, reason = "Envoy exports under this name a function of this type")]
                        let found = unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                Option<unsafe extern "C" fn($($type),*) $(-> $result)?>,
                            >(found)
                        };
                        found.ok_or(name)?
                    },)*
                    $($newer: {
                        let found = symbol(concat!("envoy_dynamic_module_callback_", stringify!($newer), "\0"));
                        #[expect(unsafe_code, reason = "as above; an older Envoy has none, which is a null")]
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                Option<unsafe extern "C" fn($($newer_type),*) $(-> $newer_result)?>,
                            >(found)
                        }
                    },)*
                })
            }
        }
    };
}

callbacks! {
    required {
        log: fn(u32, Buffer<'_>);

        // One stream.
        http_get_headers_size: fn(Stream, u32) -> usize;
        http_get_headers: fn(Stream, u32, *mut HeaderPair<'_>) -> bool;
        http_set_header: fn(Stream, u32, Buffer<'_>, Buffer<'_>) -> bool;
        http_get_body_size: fn(Stream, u32) -> usize;
        http_get_body_chunks_size: fn(Stream, u32) -> usize;
        http_get_body_chunks: fn(Stream, u32, *mut Buffer<'_>) -> bool;
        http_drain_body: fn(Stream, u32, usize) -> bool;
        http_append_body: fn(Stream, u32, Buffer<'_>) -> bool;
        http_received_buffered_request_body: fn(Stream) -> bool;
        http_send_response: fn(Stream, u32, *const HeaderPair<'_>, usize, Buffer<'_>, Buffer<'_>);
        http_filter_continue_decoding: fn(Stream);
        http_filter_reset_stream: fn(Stream, u32, Buffer<'_>);
        http_filter_get_attribute_string: fn(Stream, u32, *mut Buffer<'_>) -> bool;
        http_filter_get_attribute_int: fn(Stream, u32, *mut u64) -> bool;
        http_filter_get_attribute_bool: fn(Stream, u32, *mut bool) -> bool;
        http_get_cluster_name: fn(Stream, *mut Buffer<'_>) -> bool;
        http_set_filter_state_bytes: fn(Stream, Buffer<'_>, Buffer<'_>) -> bool;
        http_get_filter_state_bytes: fn(Stream, Buffer<'_>, *mut Buffer<'_>) -> bool;
        http_filter_increment_counter: fn(Stream, usize, *const Buffer<'_>, usize, u64) -> u32;
        http_filter_set_gauge: fn(Stream, usize, *const Buffer<'_>, usize, u64) -> u32;
        http_filter_scheduler_new: fn(Stream) -> Scheduler;
        http_filter_scheduler_commit: fn(Scheduler, u64);
        http_filter_scheduler_delete: fn(Scheduler);

        // One configuration.
        http_filter_config_define_counter:
            fn(Configuration, Buffer<'_>, *const Buffer<'_>, usize, *mut usize) -> u32;
        http_filter_config_define_gauge:
            fn(Configuration, Buffer<'_>, *const Buffer<'_>, usize, *mut usize) -> u32;
        http_filter_config_http_callout:
            fn(Configuration, *mut u64, Buffer<'_>, *const HeaderPair<'_>, usize, Buffer<'_>, u64) -> u32;
        http_filter_config_start_http_stream:
            fn(Configuration, *mut u64, Buffer<'_>, *const HeaderPair<'_>, usize, Buffer<'_>, bool, u64) -> u32;
        http_filter_config_scheduler_new: fn(Configuration) -> Scheduler;
        http_filter_config_scheduler_commit: fn(Scheduler, u64);
        http_filter_config_scheduler_delete: fn(Scheduler);
    }
    // Of 1.39; before it, nothing is counted but in a stream.
    newer {
        http_filter_config_increment_counter: fn(Configuration, usize, *const Buffer<'_>, usize, u64) -> u32;
        http_filter_config_set_gauge: fn(Configuration, usize, *const Buffer<'_>, usize, u64) -> u32;
    }
}

static CALLBACKS: OnceLock<Callbacks> = OnceLock::new();

/// Finds what Envoy exports.
///
/// # Errors
/// The name of what it does not.
pub(in crate::module) fn load() -> Result<(), &'static str> {
    if CALLBACKS.get().is_none() {
        let _ = CALLBACKS.set(Callbacks::find()?);
    }
    Ok(())
}

/// The version of the Envoy that this runs in; the later one has a later function.
pub(in crate::module) fn version() -> &'static CStr {
    match symbol("envoy_dynamic_module_callback_log_v2\0").is_null() {
        true => VERSION_OF_1_38,
        false => VERSION_OF_1_40,
    }
}

/// What Envoy exports; `None` before it was found.
pub(in crate::module) fn callbacks() -> Option<&'static Callbacks> {
    CALLBACKS.get()
}

/// Tells the operator, in Envoy's own log.
pub(in crate::module) fn say(level: Level, text: &str) {
    let line = format!("claimgate: {text}");
    if let Some(callbacks) = callbacks() {
        #[expect(unsafe_code, reason = "Envoy reads the text during the call")]
        unsafe {
            (callbacks.log)(level as u32, Buffer::of(line.as_bytes()));
        }
    }
}

/// How urgent a line is.
#[derive(Clone, Copy)]
pub(in crate::module) enum Level {
    Info = 2,
    Warning = 3,
    Error = 4,
}

/// `RTLD_DEFAULT`, as the C libraries have it.
#[cfg(target_os = "linux")]
const ALL_THAT_IS_LOADED: *mut c_void = std::ptr::null_mut();
#[cfg(not(target_os = "linux"))]
const ALL_THAT_IS_LOADED: *mut c_void = std::ptr::without_provenance_mut(usize::MAX - 1);

fn symbol(name: &'static str) -> *mut c_void {
    #[expect(unsafe_code, reason = "the name ends with a zero")]
    unsafe {
        dlsym(ALL_THAT_IS_LOADED, name.as_ptr().cast())
    }
}

#[expect(unsafe_code, reason = "POSIX's search for a symbol in all that is loaded")]
unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}
