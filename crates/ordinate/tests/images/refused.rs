//! Images, arrays and models that cannot be used.

use super::*;

/// Each with its file, and what to do next.
#[test]
fn images_that_cannot_be_used_are_refused() {
    let bomb = {
        // A head that says 20,000 x 20,000 pixels, with its checksum.
        let mut bytes = png(0);
        bytes[16..29].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20, 8, 0, 0, 0, 0]);
        bytes[29..33].copy_from_slice(&[0x38, 0x2d, 0x5a, 0x5c]);
        let crc = bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        });
        bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
        bytes
    };
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("all/lying/x.dcm", dicom("plain")[..564].to_vec(), "the DICOM file has no pixels"),
        ("all/lying/x.dcm", dicom("run lengths")[..750].to_vec(), "the image is damaged or cut off"),
        ("all/lying/x.png", Vec::new(), "the image is empty (0 bytes)"),
        ("all/lying/x.png", png(0)[..60].to_vec(), "x.png: the image is damaged or cut off"),
        ("all/lying/x.png", bomb, "20000 x 20000 pixels, more than the 64 million"),
        ("all/lying/x.jpg", b"GIF89a and more".to_vec(), "no PNG, no JPEG and no DICOM file but a GIF"),
        ("all/lying/x.jpeg", vec![0xff, 0xd8, 0xff, 0xe0, 0, 16], "the image is damaged or cut off"),
        ("all/lying/x.png", b"label,image\n".to_vec(), "but a text"),
    ];
    for (name, bytes, says) in cases {
        let desk = Desk::new();
        (0..6).for_each(|at| drop(desk.write(&format!("all/{}/{at}.png", label(at)), png(at))));
        desk.write(name, bytes);
        refused(&desk, "[data]\nitems = \"all\"", says);
        // The same file in a row of a table.
        desk.write(
            "t.csv",
            format!("id,image,target\n1,all/lying/0.png,a\n2,all/standing/1.png,b\n3,{name},b\n"),
        );
        let says = says.split(": ").last().unwrap();
        refused(&desk, "[data]\nitems = \"t.csv\"\ninput = \"image\"", "t.csv:4: image: \"all/lying/x.");
        refused(&desk, "[data]\nitems = \"t.csv\"\ninput = \"image\"", says);
    }
    let desk = Desk::new();
    desk.write("t.csv", "id,image,target\n1,nowhere.png,a\n2,https://x.org/a.png,b\n");
    refused(
        &desk,
        "[data]\nitems = \"t.csv\"\ninput = \"image\"",
        "t.csv:2: image: \"nowhere.png\": there is no such file",
    );
    desk.write("t.csv", "id,image,target\n1,https://x.org/a.png,a\n");
    refused(
        &desk,
        "[data]\nitems = \"t.csv\"\ninput = \"image\"",
        "t.csv:2: image: addresses such as https://",
    );
    fs::create_dir_all(desk.path("empty/class")).unwrap();
    refused(&desk, "[data]\nitems = \"empty\"", "no folder in it holds an image");
    refused(&desk, "[data]\nitems = \"empty/class\"", "Give each class a folder");
}

#[test]
fn arrays_that_cannot_be_used_are_refused() {
    let labels = |count: usize| npy("|u1", &format!("{count},"), &vec![0; count]);
    let cases: [(Arrays, &str); 9] = [
        (vec![("x", labels(3))], "the file has no array of images; its arrays are x"),
        (
            vec![("images", npy("<f4", "2, 2, 2", &[0; 32])), ("labels", labels(2))],
            "images holds values of type \"<f4\"",
        ),
        (vec![("images", npy("<u2", "2, 2, 2", &[0; 16])), ("labels", labels(2))], ".astype(\\\"uint8\\\")"),
        (vec![("images", npy("|u1", "2, 3, 2, 2", &[0; 24])), ("labels", labels(2))], "Transpose it"),
        (
            vec![("images", npy("|u1", "9, 2, 2", &[0; 8])), ("labels", labels(9))],
            "images is damaged or cut off",
        ),
        (vec![("images", npy("|u1", "2, 2, 2", &[0; 8])), ("labels", labels(3))], "2 images and 3 labels"),
        (
            vec![("images", npy("|u1", "2, 2, 2", &[0; 8])), ("labels", npy("|u1", "2, 2", &[0; 4]))],
            "one label an item",
        ),
        (vec![("images", npy("|u1", "1, 9000, 9000", &[0; 8])), ("labels", labels(1))], "too short for it"),
        (vec![("images", b"no array".to_vec()), ("labels", labels(1))], "is no array of NumPy"),
    ];
    for (arrays, says) in cases {
        let desk = Desk::new();
        desk.write("set.npz", npz(&arrays));
        refused(&desk, "[data]\nitems = \"set.npz\"", &says.replace('\\', ""));
    }
    let desk = Desk::new();
    desk.write("set.npz", "no archive");
    refused(&desk, "[data]\nitems = \"set.npz\"", "this is no .npz file");
    let arrays = split("train", 0, 6);
    let arrays: Vec<(&str, Vec<u8>)> = arrays.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    desk.write("set.npz", npz(&arrays));
    refused(
        &desk,
        "[data]\ntrain = \"set.npz\"\ntest = \"set.npz\"",
        "the file has no split \"test\"; it has train",
    );
    refused(&desk, "[data]\nitems = \"gone.npz#train\"", "there is no file \"gone.npz#train\"");
}

fn refused(desk: &Desk, data: &str, says: &str) {
    let path = task(desk, data, &[("a", "vertical", SHORT), ("b", "general", &SHORT.replace("20", "24"))]);
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert_eq!(ran.status(), 2, "{says}: {} {}", ran.stdout(), ran.stderr());
    assert!(ran.stderr().contains(says), "{says}: {}", ran.stderr());
}

#[test]
fn what_does_not_see_is_refused() {
    for (source, says) in [
        ("local = { model = \"ngram-linear\" }", "this one is classify-image"),
        ("adapt = { from = \"scratch\", method = \"probe\" }", "say method = \"full\""),
        ("adapt = { from = \"builtin\", method = \"probe\" }", "this one is classify-image"),
    ] {
        let desk = Desk::new();
        write_npz(&desk, "set.npz", 20, 10);
        let path = task(&desk, &parts(), &[("a", "vertical", source), ("b", "general", SHORT)]);
        let ran = desk.ordinate(["check", path.to_str().unwrap()]);
        assert!(ran.status() == 2 && ran.stderr().contains(says), "{source}: {}", ran.stderr());
    }
    // And a network of images does not read texts.
    let desk = Desk::new();
    desk.write("t.csv", "text,target\na,x\nb,y\n");
    let path = task(
        &desk,
        "[data]\nitems = \"t.csv\"\ninput = \"text\"",
        &[("a", "vertical", SCRATCH), ("b", "general", SHORT)],
    );
    let text = fs::read_to_string(&path).unwrap().replace("classify-image", "classify");
    desk.write("task.toml", text);
    let ran = desk.ordinate(["check", path.to_str().unwrap()]);
    assert!(ran.status() == 2 && ran.stderr().contains("tasks of kind classify-image"), "{}", ran.stderr());
}
