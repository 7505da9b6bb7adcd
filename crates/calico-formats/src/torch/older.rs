/// How PyTorch before 1.6 marks its pickles.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// What lies in the tar archives of PyTorch before 0.2; the name of a member fills 100 bytes.
const TAR_MEMBERS: [&[u8]; 4] = [b"sys_info", b"pickle", b"tensors", b"storages"];
/// Protocols of Python 3; the older ones have no mark.
const PROTOCOLS: std::ops::RangeInclusive<u8> = 2..=5;

/// What a file is that begins so, if it is one of the forms before zip files, or a bare pickle.
pub(super) fn form(head: &[u8]) -> Option<&'static str> {
    let is_tar = TAR_MEMBERS.iter().any(|&name| {
        let padding = head.strip_prefix(name).unwrap_or_default();
        padding.len() > 16 && padding.iter().all(|&byte| byte == 0)
    });
    if is_tar {
        return Some("is a tar archive of PyTorch before 0.2");
    }
    let &[0x80, protocol, ref rest @ ..] = head else { return None };
    // The length of a header of safetensors may look the same, but a bracket follows it.
    if !PROTOCOLS.contains(&protocol) || head.get(8) == Some(&b'{') {
        return None;
    }
    // A frame of nine bytes and the length of the number may come first.
    let has_magic = rest.windows(MAGIC.len()).take(16).any(|bytes| bytes == MAGIC);
    Some(if has_magic {
        "is a pickle of PyTorch before 1.6, or saved with _use_new_zipfile_serialization=False"
    } else {
        "is a bare pickle of Python"
    })
}
