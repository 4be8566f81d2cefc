//! The few messages of Envoy's that its host calls take.

/// `envoy.config.core.v3.GrpcService { 1: EnvoyGrpc { 1: string cluster_name } }`, as a text. `None` for a name that makes none:
/// one that is not ASCII, or so long that a length is.
pub(super) fn grpc_service(cluster: &str) -> Option<String> {
    const ENVOY_GRPC: u8 = 1;
    const CLUSTER_NAME: u8 = 1;
    let (mut envoy_grpc, mut service) = (Vec::new(), Vec::new());
    push_field(&mut envoy_grpc, CLUSTER_NAME, cluster.as_bytes());
    push_field(&mut service, ENVOY_GRPC, &envoy_grpc);
    String::from_utf8(service).ok()
}

/// A length-delimited field of a message.
pub(super) fn push_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push((number << 3) | LENGTH_DELIMITED);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(bytes);
}
