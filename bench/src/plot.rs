//! Figures as bars, with the least and the most of all rounds as whiskers.

use std::{collections::BTreeSet, path::Path};

use plotters::{
    chart::ChartBuilder,
    element::{ErrorBar, Rectangle, Text},
    prelude::{IntoDrawingArea, IntoSegmentedCoord, SVGBackend, SegmentValue},
    style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, WHITE},
};

use crate::report::{Row, Section, Unit};

const WIDTH: u32 = 960;
const BAR_HEIGHT: u32 = 30;
const AROUND: u32 = 110;
const NAMES: u32 = 380;
const BAR: RGBColor = RGBColor(120, 160, 200);
const ALL: [Unit; 7] = [
    Unit::RequestsPerSecond,
    Unit::CpuMicroseconds,
    Unit::Milliseconds,
    Unit::Megabytes,
    Unit::Mebibytes,
    Unit::PerLogin,
    Unit::Times,
];

/// One file for each unit of a section that has several figures.
///
/// # Panics
///
/// If a file cannot be written.
pub(crate) fn draw(section: &Section, directory: &Path) {
    for unit in ALL {
        let mut rows: Vec<&Row> = section.rows.iter().filter(|row| row.unit == unit).collect();
        // A figure beside two baselines is one bar.
        let mut drawn = BTreeSet::new();
        rows.retain(|row| drawn.insert(&row.what));
        if rows.len() > 1 {
            let unit_name = unit.name().replace(['/', ' ', '×', 'µ'], "-");
            let file = directory.join(format!("{}-{unit_name}.svg", section.name));
            let title = format!("{}: {}", section.name, unit.name());
            bars(&file, &title, unit, &rows).expect("target/bench can be written");
        }
    }
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn bars(file: &Path, title: &str, unit: Unit, rows: &[&Row]) -> Drawn {
    let count = u32::try_from(rows.len())?;
    let root = SVGBackend::new(file, (WIDTH, AROUND + BAR_HEIGHT * count)).into_drawing_area();
    root.fill(&WHITE)?;
    let most = rows.iter().map(|row| row.figure.max).fold(f64::MIN_POSITIVE, f64::max);
    let least = rows.iter().map(|row| row.figure.min).fold(0.0, f64::min);
    // The first row at the top.
    let place = |index: usize| rows.len() - 1 - index;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(least..most * 1.15, (0..rows.len() - 1).into_segmented())?;
    let name = |value: &SegmentValue<usize>| match value {
        SegmentValue::CenterOf(at) | SegmentValue::Exact(at) if *at < rows.len() => {
            rows[place(*at)].what.clone()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(rows.len())
        .y_label_formatter(&name)
        .x_desc(unit.name())
        .draw()?;
    chart.draw_series(rows.iter().enumerate().map(|(index, row)| {
        let (low, high) = (place(index), place(index) + 1);
        let corners =
            [(0.0, SegmentValue::Exact(low)), (row.figure.median, SegmentValue::Exact(high))];
        let mut bar = Rectangle::new(corners, BAR.filled());
        bar.set_margin(5, 5, 0, 0);
        bar
    }))?;
    chart.draw_series(rows.iter().enumerate().map(|(index, row)| {
        let (at, style) = (SegmentValue::CenterOf(place(index)), ShapeStyle::from(&BLACK));
        let figure = row.figure;
        ErrorBar::new_horizontal(at, figure.min, figure.median, figure.max, style, 8)
    }))?;
    chart.draw_series(rows.iter().enumerate().map(|(index, row)| {
        let at = (row.figure.max + most * 0.01, SegmentValue::CenterOf(place(index)));
        Text::new(
            format!("{:.*}", digits(most), row.figure.median),
            at,
            ("sans-serif", 13).into_font(),
        )
    }))?;
    root.present()?;
    Ok(())
}

fn digits(most: f64) -> usize {
    match most {
        1_000.0.. => 0,
        50.0.. => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::series::Series;

    #[test]
    fn every_row_is_drawn_with_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut section = Section::new("start");
        for (name, value) in [("bare", 2.0), ("ours", 2.5), ("with secrets", 9.0)] {
            let series: Series = [value, value * 1.5].into_iter().collect();
            section.rows.push(Row::new(name, Unit::Milliseconds, &series));
        }
        section.rows.push(Row::new("alone", Unit::Megabytes, &[1.0].into_iter().collect()));
        draw(&section, directory.path());
        let svg = fs::read_to_string(directory.path().join("start-ms.svg")).expect("a plot");
        for name in ["bare", "ours", "with secrets", "start: ms"] {
            assert!(svg.contains(name), "{name}");
        }
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
    }
}
