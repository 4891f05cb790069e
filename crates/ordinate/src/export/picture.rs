//! Drawings as PNG, for slides and documents that take no SVG.

use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, ID, Source};
use resvg::usvg::{Font, FontResolver, Options, Tree};

/// Pixels for each unit of a drawing: sharp on paper and on screens of twice the density.
const SCALE: f32 = 2.0;
/// As in usvg: from here on letters are bold.
const BOLD: u16 = 600;

/// Makes PNG of SVG. Letters are those of DejaVu Sans, which the program carries, so that a drawing is the same on every machine; what
/// that has no letters for, such as Chinese, is written in a font of the system, where there is one.
pub(super) struct Painter(Options<'static>);

impl Painter {
    pub(super) fn new() -> Self {
        let mut fonts = Database::new();
        let mut own = |letters: &'static [u8]| {
            fonts.load_font_source(Source::Binary(Arc::new(letters))).first().copied()
        };
        let (regular, bold) = (own(dejavu::sans::regular()), own(dejavu::sans::bold()));
        fonts.load_system_fonts();
        let select = move |font: &Font, _: &mut Arc<Database>| -> Option<ID> {
            if font.weight() >= BOLD { bold } else { regular }
        };
        let font_resolver = FontResolver {
            select_font: Box::new(select),
            select_fallback: FontResolver::default_fallback_selector(),
        };
        Self(Options { font_resolver, fontdb: Arc::new(fonts), ..Options::default() })
    }

    /// The drawing on white.
    ///
    /// # Errors
    /// Where it is no SVG, or has no size.
    pub(super) fn png(&self, svg: &str) -> Result<Vec<u8>, String> {
        let tree = Tree::from_str(svg, &self.0).map_err(|error| error.to_string())?;
        let size = tree.size().to_int_size().scale_by(SCALE).ok_or("it has no size")?;
        let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("it has no size")?;
        pixels.fill(Color::WHITE);
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pixels of a drawing are darker than half.
    fn dark(svg: &str) -> (u32, usize) {
        let picture = Pixmap::decode_png(&Painter::new().png(svg).unwrap()).unwrap();
        (picture.width(), picture.pixels().iter().filter(|pixel| pixel.red() < 128).count())
    }

    #[test]
    fn letters_are_drawn_and_bold_ones_are_thicker() {
        let text = |style: &str| {
            dark(&format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='40'><style>text{{font-family:nowhere;{style}}}</style>\
                 <text x='5' y='25'>Quality, 0.93</text></svg>"
            ))
        };
        let ((width, plain), (_, bold)) = (text("font-size:20px"), text("font-size:20px;font-weight:700"));
        assert_eq!(width, 400);
        assert!(plain > 400 && bold > plain + plain / 5, "{plain} {bold}");
        assert_eq!(dark("<svg xmlns='http://www.w3.org/2000/svg' width='200' height='40'></svg>").1, 0);
        assert!(Painter::new().png("<svg").is_err());
    }
}
