//! Arrays for numpy: one archive per image.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use calico_image::Mask;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::{ImageEntry, OutputFolder, ResultError, Segment, Segmentation};

/// The archives hold `masks` (Boolean, `[N, H, W]`), `labels` (text, `[N]`), and `ids`,
/// `groups` and `parents` (32-bit unsigned, `[N]`; parent 0 is none).
pub(super) fn write(
    result: &Segmentation,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    let mut paths = Vec::new();
    for image in &result.images {
        let layers = super::decoded(result, image.index)?;
        let name = format!("image{}.npz", image.index);
        paths.push(folder.write_with(&name, |file| archive(file, image, &layers))?);
    }
    Ok(paths)
}

fn archive(file: &mut File, image: &ImageEntry, layers: &[(&Segment, Mask)]) -> io::Result<()> {
    let mut archive = ZipWriter::new(file);
    let count = layers.len() as u64;

    let bytes = count * image.size().pixels();
    let shape = [count, image.height.into(), image.width.into()];
    begin(&mut archive, "masks", "|b1", &shape, bytes)?;
    for (_, mask) in layers {
        let bits: Vec<u8> = mask.bits().iter().map(|&bit| bit.into()).collect();
        archive.write_all(&bits)?;
    }

    // Text arrays have one width, in characters of four bytes each; numpy knows no width 0.
    let longest = layers.iter().map(|(segment, _)| segment.label.chars().count()).max();
    let width = longest.unwrap_or(0).max(1);
    begin(&mut archive, "labels", &format!("<U{width}"), &[count], count * width as u64 * 4)?;
    for (segment, _) in layers {
        let padding = std::iter::repeat('\0');
        for character in segment.label.chars().chain(padding).take(width) {
            archive.write_all(&u32::from(character).to_le_bytes())?;
        }
    }

    let numbers: [(&str, Number); 3] = [
        ("ids", |segment| segment.id),
        ("groups", |segment| segment.group),
        ("parents", |segment| segment.parent.unwrap_or(0)),
    ];
    for (name, number) in numbers {
        begin(&mut archive, name, "<u4", &[count], count * 4)?;
        for (segment, _) in layers {
            archive.write_all(&number(segment).to_le_bytes())?;
        }
    }
    archive.finish()?;
    Ok(())
}

/// A number of a segment.
type Number = fn(&Segment) -> u32;

/// Opens a member of the archive and writes its array header (format 1.0).
fn begin(
    archive: &mut ZipWriter<&mut File>,
    name: &str,
    kind: &str,
    shape: &[u64],
    bytes: u64,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        // Room for the header, too, so that the switch to 64-bit sizes never comes too late.
        .large_file(bytes > u64::from(u32::MAX) - 1024);
    archive.start_file(format!("{name}.npy"), options)?;
    archive.write_all(&header(kind, shape))
}

/// The magic bytes and the description of an array, padded to a multiple of 64 bytes.
fn header(kind: &str, shape: &[u64]) -> Vec<u8> {
    let sides: Vec<String> = shape.iter().map(u64::to_string).collect();
    // The comma makes a tuple of a single side, too.
    let shape = sides.join(", ") + ",";
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    let prefix = 10;
    let length = (prefix + text.len() + 1).next_multiple_of(64) - prefix;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(length as u16).to_le_bytes());
    bytes.extend_from_slice(format!("{text:<width$}\n", width = length - 1).as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::{ExportFormat, create_output_folder, export, sample};

    /// The header and the data of a member.
    fn member(path: &std::path::Path, name: &str) -> (String, Vec<u8>) {
        let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        let length = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
        let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
        assert_eq!((10 + length) % 64, 0);
        (header, bytes.split_off(10 + length))
    }

    #[test]
    fn the_arrays_read_back() {
        let result = sample::segmentation();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let paths = export::write(&result, ExportFormat::Npz, &folder).unwrap();

        let (header, masks) = member(&paths[0], "masks.npy");
        assert!(header.contains("'shape': (3, 30, 40,)"), "{header}");
        let expected: Vec<u8> = result
            .segments_in(1)
            .flat_map(|segment| segment.decode_mask().unwrap().bits().to_vec())
            .map(u8::from)
            .collect();
        assert_eq!(masks, expected);

        let (header, labels) = member(&paths[0], "labels.npy");
        assert!(header.contains("'<U4'"), "{header}");
        assert_eq!(&labels[..16], b"d\0\0\0o\0\0\0g\0\0\0\0\0\0\0");
        assert_eq!(member(&paths[0], "parents.npy").1, [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    }
}
