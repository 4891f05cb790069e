//! What networks looked at, of an item that is an image: a map for whoever asks for one, in words too.

use super::ShownItem;
use crate::figures;
use crate::text::clean;

/// Below this fall of a probability nothing is said to hang on a place.
const LEAST: f64 = 0.01;

/// What there is to be seen of what networks looked at.
#[derive(Debug, Clone, Default)]
pub struct LookedAt<'a> {
    /// The candidates of which a map can be made: number, name, and how long it takes, in milliseconds, where that is known.
    pub offered: Vec<(usize, &'a str, Option<f64>)>,
    /// How many pictures a map asks about.
    pub looks: usize,
    /// Candidates of which none is made, as they are behind an API.
    pub elsewhere: Vec<&'a str>,
    /// Candidates of which none is made, as nothing of them is in this process.
    pub absent: Vec<&'a str>,
    /// The map that was asked for, or why there is none.
    pub shown: Option<Result<HeatShown<'a>, String>>,
}

/// A map of what an answer hangs on.
#[derive(Debug, Clone)]
pub struct HeatShown<'a> {
    /// The candidate.
    pub name: &'a str,
    /// What it says of the picture.
    pub label: String,
    /// The answer that was measured, where that was another.
    pub measured: Option<&'a str>,
    /// How probable it finds what it says, of the picture as it is.
    pub whole: f64,
    /// How far that falls at most, on the mean of the patches over one place.
    pub fall: f64,
    /// Where: pixels from the left and from the top.
    pub place: (u32, u32),
    /// Pixels of the picture: of a row, and rows.
    pub size: (u32, u32),
    /// Pixels of a patch.
    pub patch: (u32, u32),
    /// How many covered pictures were asked about.
    pub looks: usize,
    /// The picture with the map over it, as a PNG in a data URL.
    pub picture: String,
}

/// The part of the page about it, ready to be printed.
pub(super) struct Looked {
    /// Address and name of each candidate that can be asked, how long that takes, and whether its map is shown.
    pub(super) offered: Vec<(String, String, Option<String>, bool)>,
    pub(super) looks: usize,
    pub(super) elsewhere: Option<String>,
    pub(super) absent: Option<String>,
    pub(super) map: Option<Map>,
    pub(super) problem: Option<String>,
}

/// A map, ready to be printed.
pub(super) struct Map {
    pub(super) picture: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) sure: String,
    /// Where the answer hangs, in words.
    pub(super) says: String,
    pub(super) patch: String,
    pub(super) looks: usize,
    pub(super) measured: Option<String>,
}

impl Looked {
    pub(super) fn of(looked: &LookedAt<'_>, item: &ShownItem<'_>, run: &str) -> Self {
        let shown = looked.shown.as_ref();
        let chosen = shown.and_then(|shown| shown.as_ref().ok()).map(|map| map.name);
        let offered = |(column, name, ms): &(usize, &str, Option<f64>)| {
            let address = format!("/run/{run}/item?row={}&heat={column}#heat-h", item.row);
            (address, clean(name), ms.map(|ms| figures::latency(Some(ms))), chosen == Some(*name))
        };
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| clean(name)).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        Self {
            offered: looked.offered.iter().map(offered).collect(),
            looks: looked.looks,
            elsewhere: names(&looked.elsewhere),
            absent: names(&looked.absent),
            map: shown.and_then(|shown| shown.as_ref().ok()).map(Map::of),
            problem: shown.and_then(|shown| shown.as_ref().err()).map(|problem| clean(problem)),
        }
    }
}

impl Map {
    fn of(heat: &HeatShown<'_>) -> Self {
        let label = clean(&heat.label);
        let (x, y) = heat.place;
        let (width, height) = heat.size;
        let says = if heat.fall < LEAST {
            format!(
                "no covered square lowers the probability of {label} by {LEAST} on its own: it hangs on no single place"
            )
        } else {
            format!(
                "it hangs most on the {} (pixel {}, {} of {width} x {height}): covered, the probability of {label} falls by {} on average",
                part(heat.place, heat.size),
                x + 1,
                y + 1,
                figures::quality(heat.fall),
            )
        };
        let patch = if heat.patch.0 == heat.patch.1 { "squares" } else { "rectangles" };
        Self {
            picture: heat.picture.clone(),
            name: clean(heat.name),
            label,
            sure: figures::percent(heat.whole),
            says,
            patch: format!("{patch} of {} x {} pixels", heat.patch.0, heat.patch.1),
            looks: heat.looks,
            measured: heat.measured.map(clean),
        }
    }
}

/// The part of a picture that a pixel is in, of nine.
fn part((x, y): (u32, u32), (width, height): (u32, u32)) -> &'static str {
    let third = |at: u32, all: u32| (u64::from(at) * 3 / u64::from(all.max(1))).min(2) as usize;
    const PARTS: [[&str; 3]; 3] = [
        ["upper left", "upper middle", "upper right"],
        ["left", "middle", "right"],
        ["lower left", "lower middle", "lower right"],
    ];
    PARTS[third(y, height)][third(x, width)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{RunHead, item_page};

    fn page(looked: Option<&LookedAt<'_>>) -> String {
        let run = RunHead { id: "0a", name: "tiles", task: "tiles", has_labels: true, has_slices: false };
        let item = ShownItem {
            row: 7,
            id: "test:7",
            slice: None,
            group: None,
            input: Some("data:image/png;base64,"),
            target: Some("cracked"),
            policy: None,
            answers: Vec::new(),
        };
        item_page(&run, &item, looked).unwrap()
    }

    #[test]
    fn a_map_is_told_in_words_and_who_has_none_is_told() {
        const HOSTILE: &str = "<script>x</script>";
        let map = |fall: f64| HeatShown {
            name: "cnn",
            label: HOSTILE.to_owned(),
            measured: Some("whole"),
            whole: 0.97,
            fall,
            place: (17, 1),
            size: (20, 20),
            patch: (5, 5),
            looks: 81,
            picture: "data:image/png;base64,AAAA".to_owned(),
        };
        let mut looked = LookedAt {
            offered: vec![(2, "cnn", Some(420.0)), (0, HOSTILE, None)],
            looks: 81,
            elsewhere: vec!["gpt"],
            absent: vec!["inspectors", "program"],
            shown: Some(Ok(map(0.43))),
        };
        let shown = page(Some(&looked));
        for part in [
            "href=\"/run/0a/item?row=7&#38;heat=0#heat-h\"",
            "Not of <bdi>gpt</bdi>: behind an API, each of 81 calls would be paid for",
            "Not of <bdi>inspectors, program</bdi>",
            "it hangs most on the upper right (pixel 18, 2 of 20 x 20): covered, the probability of",
            "falls by 0.430 on average",
            "81 pictures with covered squares of 5 x 5 pixels",
            "sure to 97%",
            "Measured was <bdi>whole</bdi>",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains(HOSTILE), "{shown}");
        looked.shown = Some(Ok(map(0.002)));
        assert!(page(Some(&looked)).contains("it hangs on no single place"));
        looked.shown = Some(Err("cnn could not be asked: its file is gone".to_owned()));
        assert!(
            page(Some(&looked)).contains("<p role=\"alert\">cnn could not be asked: its file is gone</p>")
        );
        assert!(!page(None).contains("heat-h"));
        assert!(page(Some(&LookedAt::default())).contains("Nobody who can be asked here"));
    }

    #[test]
    fn places_have_words() {
        assert_eq!(part((0, 0), (9, 9)), "upper left");
        assert_eq!(part((4, 4), (9, 9)), "middle");
        assert_eq!(part((8, 3), (9, 9)), "right");
        assert_eq!(part((8, 8), (9, 9)), "lower right");
        assert_eq!(part((5, 0), (0, 0)), "upper right");
    }
}
