//! Colours: Okabe and Ito's, which the colour-blind tell apart, and their kin on a dark ground.

use plotters::style::RGBColor;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
/// Labels of lesser weight.
pub(super) const SOFT: RGBColor = RGBColor(0x52, 0x60, 0x6d);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xe2, 0xe6, 0xea);
/// Grid lines between the labelled ones of a logarithmic axis.
pub(super) const FAINT: RGBColor = RGBColor(0xf1, 0xf3, 0xf5);
/// The ground.
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);

/// Series in turn (Okabe and Ito 2008, without yellow, which white paper swallows). From the
/// eighth on they repeat, with dashed lines and hollow dots.
const SERIES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x6b, 0x72, 0x80),
];

/// A dash in tenths of a pixel: drawn, left out.
pub(super) type Dash = [u32; 2];

/// The dash of lines that stand for a value, and of series of the second round.
pub(super) const DASHED: Dash = [50, 30];

/// The colour of a series by its place, and its round: 0 before the colours repeat.
pub(super) fn series(place: usize) -> (RGBColor, usize) {
    (SERIES[place % SERIES.len()], place / SERIES.len())
}

/// How the lines of a round are dashed, so that one colour is not taken for another series.
pub(super) fn dash(round: usize) -> Option<Dash> {
    [None, Some(DASHED), Some([15, 25])].get(round).copied().unwrap_or(Some([110, 30]))
}

/// The colour of a rule by its place: the first as dark as words, the others told apart.
pub(super) fn rule(place: usize) -> RGBColor {
    [INK, SERIES[4], SERIES[2], SERIES[3]][place % 4]
}

/// The colour on a dark ground of each colour that needs another there.
pub(super) const DARK: &[(RGBColor, &str)] = &[
    (INK, "#e4e7eb"),
    (SOFT, "#a3b1bf"),
    (GRID, "#323d49"),
    (FAINT, "#262f39"),
    (PAPER, "#161c23"),
    (SERIES[0], "#4aa8e8"),
    (SERIES[1], "#f5844c"),
    (SERIES[2], "#2fc79b"),
    (SERIES[6], "#aab2bd"),
];

/// A colour as SVG writes it.
pub(super) fn hex(colour: (u8, u8, u8)) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// CSS that gives drawings their dark colours, for the selector that a drawing stands in.
pub(crate) fn dark_css(within: &str) -> String {
    let rule = |(light, dark): &(RGBColor, &str)| {
        let light = hex((light.0, light.1, light.2));
        format!(
            "{within}[fill=\"{light}\"]{{fill:{dark}}}{within}[stroke=\"{light}\"]{{stroke:{dark}}}"
        )
    };
    DARK.iter().map(rule).collect()
}
