//! An export as the bytes of one file: for whoever is far away.

use std::fs;
use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{ExportFormat, write};
use crate::{ResultError, Segmentation, create_output_folder};

/// A file that was not written where anybody looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What it would be called.
    pub name: String,
    /// What is in it, as in the header `Content-Type`.
    pub media_type: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A result in one format: the file itself where it is `coco.json`, else an archive of all files.
///
/// Its parts pass through a folder among the temporary files. The result is not
/// [validated](Segmentation::validate) here.
pub fn bundle(result: &Segmentation, format: ExportFormat) -> Result<Bundle, ResultError> {
    let name = format!("{format}.zip");
    let failed = |source| ResultError::Write { path: name.clone().into(), source };
    let scratch = tempfile::tempdir().map_err(failed)?;
    let folder = create_output_folder(scratch.path())?;
    let paths = write(result, format, &folder)?;
    if let (ExportFormat::Coco, [path]) = (format, paths.as_slice()) {
        let bytes = fs::read(path).map_err(failed)?;
        let name = super::COCO_NAME.to_owned();
        return Ok(Bundle { name, media_type: "application/json", bytes });
    }
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for path in paths {
        let inner = path.strip_prefix(scratch.path()).unwrap_or(&path).to_string_lossy();
        archive.start_file(inner.replace('\\', "/"), options).map_err(|e| failed(e.into()))?;
        archive.write_all(&fs::read(&path).map_err(failed)?).map_err(failed)?;
    }
    let bytes = archive.finish().map_err(|error| failed(error.into()))?.into_inner();
    Ok(Bundle { name, media_type: "application/zip", bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn one_file_is_itself_and_several_are_an_archive() {
        let result = sample::segmentation();
        let coco = bundle(&result, ExportFormat::Coco).unwrap();
        assert_eq!((coco.name.as_str(), coco.media_type), ("coco.json", "application/json"));
        assert!(coco.bytes.starts_with(b"{"));
        let masks = bundle(&result, ExportFormat::Masks).unwrap();
        let archive = zip::ZipArchive::new(Cursor::new(&masks.bytes)).unwrap();
        let names: Vec<_> = archive.file_names().map(Result::unwrap).collect();
        assert!(names.iter().any(|name| name == "masks/legend.json"), "{names:?}");
        assert!(names.iter().any(|name| name == "masks/image2_segment6.png"), "{names:?}");
    }

    #[test]
    fn equal_results_are_equal_bytes() {
        let result = sample::segmentation();
        for format in ExportFormat::ALL {
            let bytes = || bundle(&result, format).unwrap();
            assert_eq!(bytes(), bytes(), "{format}");
        }
    }
}
