//! Tables, as plain columns.

use comfy_table::{CellAlignment, Table, presets};

use super::printable;

/// Columns under a header.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    fill(table, rows)
}

/// Names and values, a line each.
pub(crate) fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    fill(table, fields.into_iter().map(|(name, value)| [name.to_owned(), value]))
}

fn fill<const N: usize>(mut table: Table, rows: impl IntoIterator<Item = [String; N]>) -> String {
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell).into_owned()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2)).set_cell_alignment(CellAlignment::Left);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [["a".into(), "b".into()], ["longer".into(), "\x1b[1m".into()]];
        assert_eq!(table(["NAME", "X"], rows), "NAME    X\na       b\nlonger  \u{fffd}[1m");
    }

    #[test]
    fn fields_have_no_header() {
        assert_eq!(fields([("id", "1".into()), ("state", "DONE".into())]), "id     1\nstate  DONE");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(table(["A", "B"], []), "A  B");
    }
}
