//! Rules for images and their pictures.

use super::*;

#[test]
fn rules_for_images() {
    planted(
        |e| e.images[2].width = 30,
        &[
            (Rule::ImageSize, IMAGE3, "found 30x80"),
            (Rule::MaskSize, "8", "found a mask of 100x80, expected 30x80"),
            (Rule::MaskSize, "9", ""),
            (Rule::MaskSize, "10", ""),
            (Rule::MaskSize, "11", ""),
        ],
    );
    planted(
        |e| e.images[2].file_name = "../secret.jpg".to_owned(),
        &[(Rule::ImageFileName, IMAGE3, "\"../secret.jpg\"")],
    );
    planted(
        |e| e.images[2].sha256 = Some("ABC".to_owned()),
        &[(Rule::ImageHash, IMAGE3, "found ABC")],
    );
    planted(
        |e| e.images[2].seen.swap(1, 2),
        &[(Rule::SeenSorted, IMAGE3, "\"chair/leg\" before \"chair/back\"")],
    );
    planted(
        |e| e.images[2].seen.push("dragon".to_owned()),
        &[(Rule::LabelKnown, IMAGE3, "\"dragon\", expected a label of paco_lvis")],
    );
    planted(
        |e| {
            let mut copy = e.images[2].clone();
            (copy.file_name, copy.sha256) = ("train2017/000000000099.jpg".to_owned(), None);
            e.images.insert(3, copy);
        },
        &[(Rule::ImageIdUnique, IMAGE3, "again")],
    );
}

#[test]
fn an_image_in_the_table_of_another_split_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), &Example::new(PAIRS), None);
    let folder = scratch.path().join("images");
    fs::rename(folder.join("train.parquet"), folder.join("x")).unwrap();
    fs::copy(folder.join("dev.parquet"), folder.join("train.parquet")).unwrap();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap();
    assert_eq!(report.counts[&Rule::ImageSplit], 4);
    assert_eq!(report.counts[&Rule::OneSplit], 4);
}

#[test]
fn an_image_in_two_splits_is_found_by_name_and_by_bytes() {
    let test_image = 8;
    planted(
        |e| e.images[2].sha256 = e.images[test_image].sha256.clone(),
        &[(Rule::OneSplit, IMAGE3, "the bytes of paco_lvis/000000000009 in test")],
    );
    planted(
        |e| e.images[2].file_name = "val2017/000000000009.jpg".to_owned(),
        &[(Rule::OneSplit, IMAGE3, "by its name, of paco_lvis/000000000009 in test")],
    );
}

#[test]
fn rules_for_pictures() {
    let scratch = tempfile::tempdir().unwrap();
    let mut example = Example::new(PAIRS);
    let pictures = scratch.path().join("train2017");
    fs::create_dir(&pictures).unwrap();
    let picture = |width: u32, height: u32, shade: u8| {
        // A plain bitmap: a header of 54 bytes and rows of three bytes a pixel.
        let stride = (3 * width).div_ceil(4) * 4;
        let mut bytes = b"BM".to_vec();
        for number in
            [54 + stride * height, 0, 54, 40, width, height, 1 | 24 << 16, 0, 0, 0, 0, 0, 0]
        {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(54 + (stride * height) as usize, shade);
        bytes
    };
    for (number, image) in (1_u8..).zip(&mut example.images) {
        let bytes = picture(100, 80, number);
        fs::write(scratch.path().join(&image.file_name), &bytes).unwrap();
        image.sha256 = Some(crate::build::hex(&sha2::Digest::finalize(
            <sha2::Sha256 as sha2::Digest>::new_with_prefix(&bytes),
        )));
    }
    let dataset = write(scratch.path(), &example, None);
    let looked_at = |dataset: &Dataset, pictures| {
        let options = ValidateOptions { pictures, ..ValidateOptions::default() };
        validate(dataset, &options, &Watch::unwatched()).unwrap()
    };
    let unknown = looked_at(&dataset, PictureRules::Decode);
    assert!(unknown.notes.iter().any(|note| note.contains("pictures of paco_lvis")));
    let dataset = dataset.with_root("paco_lvis", scratch.path());
    let sound = looked_at(&dataset, PictureRules::Decode);
    assert!(sound.is_sound(), "{}", sound.to_text());
    assert_eq!(sound.rows[&Split::Dev].pictures, 4);
    let file = |at: usize| scratch.path().join(&example.images[at].file_name);
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), picture(99, 80, 2)).unwrap();
    fs::write(file(2), picture(100, 80, 77)).unwrap();
    fs::write(file(3), b"not a picture").unwrap();
    let bytes = picture(100, 80, 5);
    fs::write(file(4), &bytes[..bytes.len() / 2]).unwrap();
    let counts = |pictures| looked_at(&dataset, pictures).counts;
    let header = [(Rule::PictureThere, 1), (Rule::PictureReadable, 1), (Rule::PictureSize, 1)];
    assert_eq!(counts(PictureRules::Header), header.into());
    assert_eq!(counts(PictureRules::Bytes)[&Rule::PictureBytes], 3);
    assert_eq!(counts(PictureRules::Decode)[&Rule::PictureReadable], 2);
}
