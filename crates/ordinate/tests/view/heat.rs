//! What networks looked at, of the images of `examples/images`, by a plain client and in a real browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ordinate_images::Image;
use scraper::{Html, Selector};
use serde_json::{Value, json};

use super::browser::{axe, chromium, looked_at};
use super::served::Served;
use super::support::{Desk, root};
use super::{links, text};

/// How far a pixel is from the ground where something is drawn on it: the ground's own noise has a deviation of 9.
const DRAWN: i32 = 40;
/// Pixels from a drawing on which a covered square of five does not reach it.
const FAR: i64 = 5;

/// Whether each pixel belongs to what is drawn, and the side of the square image.
fn drawn(image: &Image) -> (Vec<bool>, usize) {
    let image = image.clone().with_channels(1);
    let mut sorted = image.pixels().to_vec();
    sorted.sort_unstable();
    // The frame is ground on every picture.
    let side = image.width() as usize;
    let frame: Vec<u8> = (0..side).map(|at| image.pixels()[at]).collect();
    let ground = frame.iter().map(|&value| i32::from(value)).sum::<i32>() / side as i32;
    (image.pixels().iter().map(|&value| (i32::from(value) - ground).abs() > DRAWN).collect(), side)
}

/// How red a picture is where something is drawn, and far from it.
fn redness(map: &Image, is_drawn: &[bool], side: usize) -> [f64; 2] {
    let times = map.width() as usize / side;
    let red = |at: usize| {
        let (x, y) = (at % side * times, at / side * times);
        let pixel = &map.pixels()[(y * map.width() as usize + x) * 3..][..3];
        f64::from(pixel[0]) - f64::from(pixel[2])
    };
    let far = |at: usize| {
        let (x, y) = ((at % side) as i64, (at / side) as i64);
        !(0..is_drawn.len())
            .filter(|&other| is_drawn[other])
            .any(|other| ((other % side) as i64 - x).abs().max(((other / side) as i64 - y).abs()) <= FAR)
    };
    let mean =
        |places: Vec<usize>| places.iter().map(|&at| red(at)).sum::<f64>() / places.len().max(1) as f64;
    [
        mean((0..is_drawn.len()).filter(|&at| is_drawn[at]).collect()),
        mean((0..is_drawn.len()).filter(|&at| far(at)).collect()),
    ]
}

/// The heat of a network that learned six shapes lies on the shape, wherever that is.
#[test]
fn the_heat_of_a_trained_network_lies_where_the_shape_is() {
    let desk = Desk::new();
    let things = root().join("examples/images/things.npz");
    let rows: String =
        (0..120).map(|at| format!("{}\n", json!({"id": format!("test:{at}"), "output": "disc"}))).collect();
    desk.write("people.jsonl", rows);
    desk.write(
        "task.toml",
        format!(
            "[task]\nname = \"things\"\nkind = \"classify-image\"\n[data]\ntrain = {things:?}\ntest = {things:?}\n\
             labels = {{ 0 = \"disc\", 1 = \"ring\", 2 = \"square\", 3 = \"bar\", 4 = \"cross\", 5 = \"dots\" }}\n\
             [combine]\nkinds = [\"single\"]\n[statistics]\nresamples = 200\n\
             [[candidate]]\nname = \"general\"\nlineage = \"general\"\n\
             adapt = {{ from = \"scratch\", method = \"full\", epochs = 16 }}\n\
             [[candidate]]\nname = \"people\"\nlineage = \"vertical\"\nrecorded = {{ path = \"people.jsonl\" }}\n"
        ),
    );
    let ran = desk.ordinate(["run", "task.toml", "--out", "runs/things", "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());

    let server = Served::of("view", &desk, &["runs"], &[]);
    let run = links(&server.get("/").body, "tbody th a")[0].0.clone();
    let page = server.get(&format!("{run}/items"));
    let items = links(&page.body, ".card h2 a");
    assert_eq!(items.len(), 20);
    let first = server.get(&items[0].0).body;
    assert!(text(&first).contains("Not of people: nothing of it that could be asked is in the run folder"));
    assert!(links(&first, "figure.heat").is_empty(), "nothing is computed that nobody asked for");

    let (mut on, mut off, mut hit, mut sure) = (0.0, 0.0, 0, 0);
    for (address, _) in &items {
        let item = server.get(address).body;
        let ask = links(&item, ".heats a");
        let [(asked, who)] = ask.as_slice() else { panic!("one can be asked: {ask:?}") };
        assert_eq!(who, "Ask general");
        let answer = server.get(asked.split('#').next().unwrap());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let html = Html::parse_document(&answer.body);
        let select = |selector: &str| Selector::parse(selector).unwrap();
        let figure = html.select(&select("figure.heat img")).next().unwrap();
        let alt = figure.attr("alt").unwrap();
        // What a network is not sure of hangs on nothing.
        if !alt.contains("hangs most on") || text(&answer.body).contains("general wrong") {
            continue;
        }
        let decode =
            |url: &str| Image::decode(&STANDARD.decode(url.split_once(',').unwrap().1).unwrap()).unwrap();
        let map = decode(figure.attr("src").unwrap());
        let picture = html.select(&select("img.picture")).next().unwrap().attr("src").unwrap();
        let picture = Image::decode(&server.begin("GET", picture, &[], b"").bytes()).unwrap();
        let (is_drawn, side) = drawn(&picture);
        assert_eq!((side, map.width()), (20, 240));
        if is_drawn.iter().filter(|drawn| **drawn).count() < 8 {
            continue;
        }
        let [here, there] = redness(&map, &is_drawn, side);
        (on, off, sure) = (on + here, off + there, sure + 1);
        let place = alt.split("(pixel ").nth(1).unwrap().split(" of 20 x 20)").next().unwrap();
        let (x, y) = place.split_once(", ").unwrap();
        let (x, y): (i64, i64) = (x.parse::<i64>().unwrap() - 1, y.parse::<i64>().unwrap() - 1);
        let near = |at: usize| {
            let (own, other) = ((at % side) as i64, (at / side) as i64);
            is_drawn[at] && (own - x).abs().max((other - y).abs()) <= 2
        };
        hit += usize::from((0..is_drawn.len()).any(near));
    }
    println!("{sure} maps: {on:.0} on the shape, {off:.0} far from it, {hit} peaks by the shape");
    assert!(sure >= 10, "{sure}");
    assert!(on > 3.0 * off.max(1.0), "{on} {off}");
    assert!(hit * 3 >= sure * 2, "{hit} of {sure}");

    // Nobody is asked who is not there, and what is damaged is told on the page.
    assert!(links(&server.get(&format!("{}&heat=1", items[0].0)).body, "figure.heat").is_empty());
    let ask = links(&first, ".heats a")[0].0.clone();
    let ask = ask.split('#').next().unwrap();
    if let Some(browser) = chromium() {
        let pages = [("heat".to_owned(), server.get(ask).body)];
        for seen in looked_at(&browser, &pages, axe().as_deref()) {
            let Value::Object(seen) = seen else { panic!("{seen}") };
            assert!(seen["wrong"] == json!([]) && seen["wide"] == json!([]), "{seen:?}");
        }
    }
    drop(server);
    std::fs::write(desk.path("runs/things/models/general/model.safetensors"), b"cut").unwrap();
    let server = Served::of("view", &desk, &["runs"], &[]);
    let told = text(&server.get(ask).body);
    assert!(told.contains("general could not be asked: ") && told.contains("cut off or changed"), "{told}");
}
