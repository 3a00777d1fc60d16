//! Draws charts of every kind with odd data, to be looked at: `cargo run --example gallery -- DIR`
//! writes each as SVG and as PNG, and `DIR/index.html` shows them all, small and large. The tests
//! draw the same charts and look for what a program can see.

use std::fs;
use std::path::PathBuf;

#[path = "../tests/it/report/gallery.rs"]
mod gallery;

fn main() -> std::io::Result<()> {
    let out = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    fs::create_dir_all(&out)?;
    let mut page = "<!doctype html><meta charset=utf-8><title>Gallery</title>\n".to_owned();
    for (name, chart) in gallery::charts() {
        fs::write(out.join(format!("{name}.svg")), chart.svg())?;
        fs::write(out.join(format!("{name}.png")), chart.png())?;
        page.push_str(&format!(
            "<img src={name}.svg width=320 alt=\"\"><img src={name}.png width=720 alt={name}>\n"
        ));
    }
    fs::write(out.join("index.html"), page)
}
