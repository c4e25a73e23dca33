//! Writes Markdown.

/// A Markdown page.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a generated page with its title.
    pub(crate) fn generated(title: &str) -> Self {
        Self(format!("{}\n# {title}\n", crate::generated::notice()))
    }

    pub(crate) fn heading(&mut self, depth: usize, text: &str) {
        self.0.push_str(&format!("\n{} {text}\n", "#".repeat(depth)));
    }

    /// Adds a paragraph, wrapped at 100 columns.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.0.push_str(&format!("\n{}\n", wrapped(text, 100)));
        }
    }

    pub(crate) fn code(&mut self, language: &str, text: &str) {
        self.0.push_str(&format!("\n```{language}\n{}\n```\n", text.trim_end()));
    }

    /// Adds a table, or nothing if there is no row.
    pub(crate) fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let heads: Vec<_> = heads.iter().map(|&head| head.to_owned()).collect();
        let rule = vec!["---".to_owned(); heads.len()];
        self.0.push('\n');
        self.0.push_str(&row(&heads));
        self.0.push_str(&row(&rule));
        for cells in rows {
            let cells: Vec<_> = cells.iter().map(|cell| in_a_cell(cell)).collect();
            self.0.push_str(&row(&cells));
        }
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

fn in_a_cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', "<br>")
}

/// Wraps a paragraph.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[test]
fn a_paragraph_is_wrapped_and_a_cell_escaped() {
    assert_eq!(wrapped("aa bb cc", 5), "aa bb\ncc");
    assert_eq!(in_a_cell("a|b\nc"), "a\\|b<br>c");
}
