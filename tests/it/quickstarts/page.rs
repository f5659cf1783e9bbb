use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a block of a page asks the reader to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Run a script of the shell (`sh`).
    Run(String),
    /// Run a command and see this output (`console`).
    Show { command: String, output: String },
    /// Make a file of the block, or append the block to the file (any other language).
    Write {
        path: String,
        text: String,
        append: bool,
    },
}

/// A block, or one command of a `console` block.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The lines of the page that hold the script, the output or the file.
    pub(super) lines: Range<usize>,
    pub(super) action: Action,
}

/// A quickstart as the steps that a reader takes, in order.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) steps: Vec<Step>,
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/quickstart")
            .join(format!("{name}.md"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("'{}': {error}", path.display()));
        let steps = steps(&text);
        Self { path, text, steps }
    }
}

fn steps(text: &str) -> Vec<Step> {
    let lines: Vec<&str> = text.lines().collect();
    let mut steps = Vec::new();
    let mut paragraph = String::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            // The paragraph in front of a block names its file.
            if lines[at].is_empty()
                && !lines
                    .get(at + 1)
                    .is_some_and(|next| next.starts_with("```"))
            {
                paragraph.clear();
            }
            paragraph.push_str(lines[at]);
            paragraph.push(' ');
            at += 1;
            continue;
        };
        let from = at + 1;
        let length = lines[from..]
            .iter()
            .position(|line| *line == "```")
            .unwrap_or_else(|| panic!("line {from}: the block has no end"));
        let block = from..from + length;
        at = block.end + 1;
        match language {
            "sh" => steps.push(Step {
                action: Action::Run(joined(&lines[block.clone()])),
                lines: block,
            }),
            "console" => steps.extend(shown(&lines, block)),
            // Only to be looked at.
            "text" => {}
            _ => {
                let path = file_name(&paragraph).unwrap_or_else(|| {
                    panic!("line {from}: no file is named in front of the block")
                });
                let append = paragraph.contains("ppend");
                steps.push(Step {
                    action: Action::Write {
                        path,
                        text: joined(&lines[block.clone()]),
                        append,
                    },
                    lines: block,
                });
            }
        }
        paragraph.clear();
    }
    steps
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// The last `code` of a paragraph.
fn file_name(paragraph: &str) -> Option<String> {
    let parts: Vec<&str> = paragraph.split('`').collect();
    let last = parts.len().checked_sub(2)?;
    parts.get(last).map(|part| (*part).to_owned())
}

/// The commands behind `$ ` of a block, each with the lines that follow it.
fn shown(lines: &[&str], block: Range<usize>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for at in block {
        if let Some(command) = lines[at].strip_prefix("$ ") {
            steps.push(Step {
                lines: at + 1..at + 1,
                action: Action::Show {
                    command: command.to_owned(),
                    output: String::new(),
                },
            });
        } else if let Some(Step {
            lines: range,
            action: Action::Show { output, .. },
        }) = steps.last_mut()
        {
            output.push_str(lines[at]);
            output.push('\n');
            range.end = at + 1;
        } else {
            panic!("line {}: output without a command", at + 1);
        }
    }
    steps
}

/// The commands of a GitHub workflow: its `run` steps, and `check` with the arguments that the action gets.
pub(super) fn workflow_commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim_start();
        if let Some(arguments) = line.strip_prefix("arguments: ") {
            commands.push(format!("schemastamp check {arguments}"));
        } else if let Some(command) = line.strip_prefix("- run: ") {
            if command != "|" {
                commands.push(command.to_owned());
                continue;
            }
            let mut script = String::new();
            while let Some(line) = lines.next_if(|line| {
                line.trim().is_empty() || line.len() - line.trim_start().len() > indent
            }) {
                script.push_str(line.trim_start());
                script.push('\n');
            }
            commands.push(script);
        }
    }
    commands
}

#[test]
fn blocks_are_steps() {
    let page = "# T\n\n```sh\na\nb\n```\n\nText.\n\nAppend to `x/y.py`:\n\n```python\nz = `1`\n```\n\n```console\n$ one\nout\nput\n$ two\n```\n";
    let steps = steps(page);
    let lines: Vec<_> = steps.iter().map(|step| step.lines.clone()).collect();
    assert_eq!(lines, [3..5, 12..13, 17..19, 20..20]);
    let actions: Vec<_> = steps.into_iter().map(|step| step.action).collect();
    let show = |command: &str, output: &str| Action::Show {
        command: command.to_owned(),
        output: output.to_owned(),
    };
    assert_eq!(
        actions,
        [
            Action::Run("a\nb\n".to_owned()),
            Action::Write {
                path: "x/y.py".to_owned(),
                text: "z = `1`\n".to_owned(),
                append: true
            },
            show("one", "out\nput\n"),
            show("two", ""),
        ]
    );
}

#[test]
fn steps_of_a_workflow_are_commands() {
    let text = "steps:\n  - uses: x\n  - run: one\n  - run: |\n      two\n      three\n  - uses: y\n    with:\n      arguments: --schema t\n";
    assert_eq!(
        workflow_commands(text),
        ["one", "two\nthree\n", "schemastamp check --schema t"]
    );
}
