//! Tables and lists of fields that fit a width.
//!
//! Text wraps at spaces. A word, and so an id or a path, is never broken: a reader copies it whole.
//! Where the columns don't fit beside each other, a table first wraps its text columns, then drops
//! its optional columns, and at last shows each row as a block of lines, with every column.

use unicode_width::UnicodeWidthStr;

use super::{escape_line, width};

const GAP: usize = 2;
/// A text column is not made narrower than this, unless its text is.
const MIN_TEXT_WIDTH: usize = 16;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    fit: Fit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Keeps its width, as an id does.
    Fixed,
    /// May wrap at spaces.
    Text,
    /// May be dropped, the highest number first.
    Optional(u8),
}

impl Column {
    /// A column that is always shown on one line.
    pub(crate) const fn fixed(title: &'static str) -> Self {
        Self { title, fit: Fit::Fixed }
    }

    /// A column that may wrap.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, fit: Fit::Text }
    }

    /// A column that a narrow table leaves out, the one with the highest `rank` first.
    pub(crate) const fn optional(title: &'static str, rank: u8) -> Self {
        Self { title, fit: Fit::Optional(rank) }
    }
}

/// Renders rows under a header, as wide as the terminal.
pub(crate) fn table<const N: usize>(
    columns: [Column; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(escaped).into()).collect();
    layout(&columns, &rows, width())
}

/// Renders names and values, a line each, as wide as the terminal.
pub(crate) fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name, escaped(value))).collect();
    field_lines(&fields, "", width()).join("\n")
}

fn escaped(cell: String) -> String {
    escape_line(&cell).into_owned()
}

fn layout(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    loop {
        if let Some(widths) = column_widths(columns, rows, &shown, width) {
            return columnar(columns, rows, &shown, &widths);
        }
        let rank = |at: &usize| match columns[*at].fit {
            Fit::Optional(rank) => Some(rank),
            Fit::Fixed | Fit::Text => None,
        };
        let Some(dropped) = shown.iter().copied().filter(|at| rank(at).is_some()).max_by_key(rank) else {
            return blocks(columns, rows, width);
        };
        shown.retain(|&at| at != dropped);
    }
}

/// Returns the widths with which the columns fit, if they do: text columns give way as far as they
/// can.
fn column_widths(
    columns: &[Column],
    rows: &[Vec<String>],
    shown: &[usize],
    width: usize,
) -> Option<Vec<usize>> {
    let cells = |at: usize| rows.iter().map(move |row| row[at].as_str()).chain([columns[at].title]);
    let full: Vec<usize> = shown.iter().map(|&at| cells(at).map(str::width).max().unwrap_or(0)).collect();
    let mut excess = (full.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1)).saturating_sub(width);
    let mut widths = full;
    for (&at, column_width) in shown.iter().zip(&mut widths).filter(|(at, _)| columns[**at].fit == Fit::Text)
    {
        let longest_word = cells(at).flat_map(str::split_whitespace).map(str::width).max().unwrap_or(0);
        let least = longest_word.max(MIN_TEXT_WIDTH).min(*column_width);
        let given = excess.min(*column_width - least);
        *column_width -= given;
        excess -= given;
    }
    (excess == 0).then_some(widths)
}

fn columnar(columns: &[Column], rows: &[Vec<String>], shown: &[usize], widths: &[usize]) -> String {
    let header = columns.iter().map(|column| column.title.to_owned()).collect();
    let mut lines = Vec::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells: Vec<Vec<String>> =
            shown.iter().zip(widths).map(|(&at, &width)| wrap(&row[at], width)).collect();
        for n in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(widths) {
                let text = cell.get(n).map_or("", String::as_str);
                line.push_str(text);
                line.extend(std::iter::repeat_n(' ', (width + GAP).saturating_sub(text.width())));
            }
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.join("\n")
}

/// Each row as its first cell, with the others as fields below it.
fn blocks(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    let lines = rows.iter().flat_map(|row| {
        let fields: Vec<_> = columns.iter().zip(row).skip(1).collect();
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(column, cell)| (column.title, cell.clone()))
            .collect();
        std::iter::once(row[0].clone()).chain(field_lines(&fields, "  ", width)).collect::<Vec<_>>()
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return columns.iter().map(|column| column.title).collect::<Vec<_>>().join("\n");
    }
    lines.join("\n")
}

fn field_lines(fields: &[(&str, String)], indent: &str, width: usize) -> Vec<String> {
    let names = fields.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = width.saturating_sub(indent.width() + names + GAP);
    let mut lines = Vec::new();
    for (name, value) in fields {
        let longest_word = value.split_whitespace().map(str::width).max().unwrap_or(0);
        if longest_word <= room {
            let mut label = *name;
            for line in wrap(value, room) {
                let pad = " ".repeat(names + GAP - label.width());
                lines.push(format!("{indent}{label}{pad}{line}").trim_end().to_owned());
                label = "";
            }
        } else {
            lines.push(format!("{indent}{name}"));
            let below = width.saturating_sub(indent.width() + GAP);
            // A word that has no room there either begins the line, so that a terminal breaks it as
            // late as it can.
            let deeper = if longest_word > below { String::new() } else { format!("{indent}  ") };
            lines.extend(wrap(value, below).into_iter().map(|line| format!("{deeper}{line}")));
        }
    }
    lines
}

/// Breaks a text into lines of at most `width` columns, at spaces. A longer word is a line of its
/// own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a9ff0-0000-7000-8000-000000000001";
    const COLUMNS: [Column; 5] = [
        Column::fixed("ID"),
        Column::fixed("TOPIC"),
        Column::text("STATE"),
        Column::optional("ATTEMPT", 1),
        Column::optional("UPDATED", 2),
    ];

    fn row() -> Vec<String> {
        [ID, "job.echo", "PENDING (not_before until 2026-11-20)", "1/3", "2026-11-20T23:36:30Z"]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn columns_line_up_and_no_space_trails() {
        let rows = [["a".into(), "b".into()], ["longer".into(), "\x1b[1m\n".into()]];
        let text = table([Column::fixed("NAME"), Column::fixed("X")], rows);
        assert_eq!(text, "NAME    X\na       b\nlonger  \\x1b[1m\\n");
        let wide = [["日本".into(), "b".into()], ["abc".into(), "c".into()]];
        let text = table([Column::fixed("N"), Column::fixed("X")], wide);
        assert_eq!(text, "N     X\n日本  b\nabc   c");
    }

    #[test]
    fn a_narrow_table_wraps_then_drops_then_stacks() {
        let rows = [row()];
        assert_eq!(
            layout(&COLUMNS, &rows, 120).lines().last().unwrap(),
            format!("{ID}  job.echo  PENDING (not_before until 2026-11-20)  1/3      2026-11-20T23:36:30Z")
        );
        assert_eq!(
            layout(&COLUMNS, &rows, 80),
            format!(
                "ID                                    TOPIC     STATE                    ATTEMPT\n\
                 {ID}  job.echo  PENDING (not_before      1/3\n{pad}until 2026-11-20)",
                pad = " ".repeat(48)
            )
        );
        assert_eq!(
            layout(&COLUMNS, &rows, 40),
            format!(
                "{ID}\n  TOPIC    job.echo\n  STATE    PENDING (not_before until\n           2026-11-20)\n  \
                 ATTEMPT  1/3\n  UPDATED  2026-11-20T23:36:30Z"
            )
        );
    }

    #[test]
    fn a_table_fits_every_width_and_keeps_its_ids() {
        for width in 38..200 {
            let text = layout(&COLUMNS, &[row()], width);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.lines().any(|line| line.contains(ID)), "{width}:\n{text}");
        }
    }

    #[test]
    fn a_value_without_room_beside_its_name_is_below_it() {
        let fields = [("id", ID.to_owned()), ("principal", "alice-b".to_owned())];
        let lines = field_lines(&fields, "", 40);
        assert_eq!(lines, ["id", &format!("  {ID}"), "principal  alice-b"]);
        assert_eq!(field_lines(&fields, "", 20)[1], ID);
        assert_eq!(field_lines(&fields, "", 80)[0], format!("id         {ID}"));
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(table([Column::fixed("A"), Column::fixed("B")], []), "A  B");
        assert_eq!(layout(&COLUMNS, &[], 5), "ID\nTOPIC\nSTATE\nATTEMPT\nUPDATED");
    }
}
