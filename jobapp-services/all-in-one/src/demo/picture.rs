//! Pictures for the demo, drawn here so that nothing needs the network.

use std::fmt::Write;

use anyhow::Context;

type Colour = [u8; 3];

const PALETTE: [(Colour, Colour); 8] = [
    ([10, 125, 90], [180, 230, 200]),
    ([30, 80, 160], [170, 205, 250]),
    ([160, 60, 40], [250, 210, 180]),
    ([95, 60, 150], [220, 200, 250]),
    ([20, 110, 130], [180, 235, 240]),
    ([150, 110, 20], [250, 235, 180]),
    ([60, 65, 75], [205, 210, 220]),
    ([170, 40, 90], [250, 195, 215]),
];

/// A face, almost: a head and shoulders on a plain ground.
pub(super) fn portrait(number: usize) -> anyhow::Result<String> {
    let (dark, light) = PALETTE[number % PALETTE.len()];
    draw(96, 96, |x, y| {
        let head = (x - 48).pow(2) + (y - 38).pow(2) < 18 * 18;
        let shoulders = (x - 48).pow(2) * 2 + (y - 100).pow(2) * 3 < 60 * 60 * 2;
        if head || shoulders { dark } else { light }
    })
}

/// A cover: waves over a gradient.
pub(super) fn cover(number: usize) -> anyhow::Result<String> {
    let (dark, light) = PALETTE[number % PALETTE.len()];
    let turn = i32::try_from(number % 11).unwrap_or_default() + 3;
    draw(320, 200, |x, y| {
        let wave = ((x * turn / 4 + y * 3) / 24 + (x - 160) * (y - 100) / 4000) % 3;
        let share = (x + y * 2 + wave * 60).clamp(0, 720);
        let mix = |from: u8, to: u8| {
            let value = (i32::from(from) * (720 - share) + i32::from(to) * share) / 720;
            u8::try_from(value).unwrap_or(u8::MAX)
        };
        [mix(dark[0], light[0]), mix(dark[1], light[1]), mix(dark[2], light[2])]
    })
}

/// A PNG as a data URL.
fn draw(width: i32, height: i32, colour: impl Fn(i32, i32) -> Colour) -> anyhow::Result<String> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend(colour(x, y));
        }
    }
    let mut file = Vec::new();
    let side = |length: i32| u32::try_from(length).unwrap_or_default();
    let mut encoder = png::Encoder::new(&mut file, side(width), side(height));
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .context("a picture could not be drawn")?;
    let mut url = "data:image/png;base64,".to_owned();
    write!(url, "{}", base64::display::Base64Display::new(&file, &base64::engine::general_purpose::STANDARD))?;
    Ok(url)
}
