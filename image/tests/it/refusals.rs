//! What a site may do wrong, and the word for each.

use image::Silent;
use image::base::official::{Age, Archive, Index, OfficialError, OfficialImage, prepare};

use crate::server::Fault;
use crate::site::{Fixture, INDEX, PACKED, sha256};

#[test]
fn another_file_than_promised_is_refused_with_both_values_and_removed() {
    let zeros = "0".repeat(64);
    let (digest, contents) = (zeros.clone(), zeros.clone());
    let mut words = String::new();
    for fixture in [
        Fixture::with(|entry| entry["image_download_sha256"] = digest.into()),
        Fixture::with(|entry| entry["extract_sha256"] = contents.into()),
        Fixture::with(|entry| entry["extract_size"] = (50 << 20).into()),
        Fixture::with(|entry| entry["extract_size"] = (500 << 20).into()),
    ] {
        let error = fixture.fetch().unwrap_err();
        let archive = sha256(&fixture.bench.path("base.img.xz"));
        let image = sha256(&fixture.bench.base());
        let text = fixture
            .words(&error)
            .replace(&archive, "[ARCHIVE]")
            .replace(&image.replace(&image[..16], "[SHA]"), "[IMAGE]");
        words += &text.replace(&zeros, "[ZEROS]");
        words.push('\n');
        assert_eq!(fixture.cached(), [""; 0]);
    }
    insta::assert_snapshot!(words, @r"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz has sha256 [ARCHIVE], and [ZEROS] was promised; it was removed
    raspios-lite 2026-06-18 (arm64) has sha256 [IMAGE] unpacked, and the index says [ZEROS]; the archive was removed
    the archive that was downloaded can't be used
      because [DIR]/cache/archives/raspios-lite-arm64-2026-06-18-[SHA].archive unpacks to more than the 52428800 bytes that it may have
    raspios-lite 2026-06-18 (arm64) unpacks to 71303168 bytes, and the index says 524288000; the archive was removed
    ");
}

#[test]
fn a_truncated_archive_is_refused_as_such() {
    let mut words = String::new();
    for known in [true, false] {
        let fixture = Fixture::with(|entry| {
            if !known {
                let entry = entry.as_object_mut().unwrap();
                entry.remove("image_download_size");
                entry.remove("image_download_sha256");
            }
        });
        fixture
            .server
            .put(PACKED, &fixture.packed[..fixture.packed.len() / 2]);
        let error = fixture.fetch().unwrap_err();
        let (size, half) = (fixture.packed.len(), fixture.packed.len() / 2);
        words += &fixture
            .words(&error)
            .replace(&size.to_string(), "[SIZE]")
            .replace(&half.to_string(), "[HALF]");
        words.push('\n');
        assert_eq!(fixture.cached(), [""; 0]);
    }
    insta::assert_snapshot!(words, @r"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz is truncated: the server sent [HALF] bytes of [SIZE], and called that all
    the archive that was downloaded can't be used
      because [DIR]/cache/archives/raspios-lite-arm64-2026-06-18-[SHA].archive is incomplete: the xz data ends after [HALF] bytes, in the middle of a block
    ");
}

#[test]
fn every_refusal_has_its_own_clear_word() {
    let fixture = Fixture::new();
    let image = fixture.image();
    let mut words = String::new();
    let faults = [403, 404, 429, 500, 503].map(Fault::Status);
    let circle = Fault::Redirect(PACKED.to_owned());
    let elsewhere = Fault::Redirect("file:///etc/passwd".to_owned());
    for fault in faults
        .into_iter()
        .chain([circle, elsewhere, Fault::Stall(0)])
    {
        fixture.server.faults(PACKED, [fault]);
        let error = prepare(
            &image,
            &fixture.site(),
            &fixture.cache(),
            Archive::Remove,
            &mut Silent,
        )
        .unwrap_err();
        words += &fixture.words(&error);
        words.push('\n');
        if let Some(hint) = error.hint() {
            words.extend(["    ", hint, "\n"]);
        }
    }
    insta::assert_snapshot!(words, @r#"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 403 (forbidden)
        the site, or a proxy before it, lets this program or this network not in; name a mirror with --image-mirror or PROVISION_IMAGE_MIRROR
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 404 (not found)
        the index is older than what is there: fetch it again with `provision bases`, or see what --index-url says
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 429 (too many requests)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 500 (internal error of the server)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 503 (the server is overloaded or under repair)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz leads to http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz, and further still: that is a circle
        fetch from a mirror that you trust: --image-mirror https://HOST
    "file:///etc/passwd" is no address that can be fetched: it must begin with https:// or http:// and name a host
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz has stalled: nothing came for 1 s
        run it again: what has come is kept, and it goes on from there
    "#);
}

#[test]
fn a_page_in_place_of_the_index_is_refused_and_not_kept() {
    let fixture = Fixture::new();
    fixture
        .server
        .put(INDEX, "<html>Log in to this hotel's network</html>");
    let error = fixture
        .site()
        .index(&fixture.cache(), Age::Newest, &mut Silent)
        .unwrap_err();
    insta::assert_snapshot!(fixture.words(&error), @r"
    http://[SITE]/os_list.json is no index of images
      because it is not JSON
      because expected value at line 1 column 1
    ");
    assert!(fixture.site().copy(&fixture.cache()).is_none());
    fixture.server.put(INDEX, vec![b' '; 17 << 20]);
    let error = fixture
        .site()
        .index(&fixture.cache(), Age::Newest, &mut Silent)
        .unwrap_err();
    insta::assert_snapshot!(fixture.words(&error), @"http://[SITE]/os_list.json has more than the 16777216 bytes that it may have");
}

#[test]
fn an_entry_from_outside_can_not_name_a_file_elsewhere() {
    let fixture = Fixture::new();
    let image = OfficialImage {
        release_date: "../../../..".to_owned(),
        ..fixture.image()
    };
    let error = prepare(
        &image,
        &fixture.site(),
        &fixture.cache(),
        Archive::Remove,
        &mut Silent,
    )
    .unwrap_err();
    assert!(matches!(error, OfficialError::Entry { .. }), "{error}");
    assert_eq!(fixture.cached(), [""; 0]);
    assert!(Index::parse(b"{}").is_err());
}
