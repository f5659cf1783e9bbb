use crate::support::Schemastamp;

#[test]
fn usage_errors_exit_with_2_and_help_with_0() {
    let world = Schemastamp::new();
    for arguments in [
        &[] as &[&str],
        &["nonsense"],
        &["provision"],
        &["render"],
        &["capture"],
        &["provision", "a", "--if-exists", "maybe"],
        &["render", "a", "-v", "-q"],
        &["--format", "xml", "render", "a"],
        &["man", "nonsense"],
    ] {
        let output = world.run(arguments).exits_with(2);
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}: {output}"
        );
    }
    for arguments in [
        &["--help"] as &[&str],
        &["-?"],
        &["provision", "--help"],
        &["capture", "-?"],
        &["--version"],
    ] {
        let output = world.run(arguments).succeeds();
        assert!(
            output.stderr.is_empty() && !output.stdout.is_empty(),
            "{arguments:?}: {output}"
        );
    }
    let help = world.run(&["--help"]).succeeds().stdout;
    for code in ["11  psql or pg_dump", "17  the tenant exists", "128+n"] {
        assert!(help.contains(code), "{help}");
    }
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let world = Schemastamp::new();
    for shell in ["bash", "zsh", "fish", "elvish", "nushell", "powershell"] {
        let script = world.run(&["completions", shell]).succeeds().stdout;
        assert!(
            script.contains("provision") && script.contains("if-exists"),
            "{shell}"
        );
    }
    let page = world.run(&["man"]).succeeds().stdout;
    assert!(
        page.contains(".TH schemastamp 1") && page.contains("11  psql or pg_dump"),
        "{page}"
    );
    let page = world.run(&["man", "provision"]).succeeds().stdout;
    assert!(
        page.contains("schemastamp\\-provision") && page.contains("\\-\\-if\\-exists"),
        "{page}"
    );
}

#[test]
fn every_command_has_a_page_with_the_sections_of_manuals() {
    let world = Schemastamp::new();
    std::fs::create_dir(world.root().join("man")).unwrap();
    world.run(&["man", "--dir", "man"]).succeeds();
    let pages = std::fs::read_dir(world.root().join("man")).unwrap();
    let mut names: Vec<String> = pages
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in [
        "schemastamp.1",
        "schemastamp-migrate.1",
        "schemastamp-pool-fill.1",
    ] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    for name in &names {
        let page = std::fs::read_to_string(world.root().join("man").join(name)).unwrap();
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "ENVIRONMENT",
            "FILES",
            "\"EXIT STATUS\"",
        ] {
            assert!(
                page.contains(&format!(".SH {section}\n")),
                "{name} lacks {section}: {page}"
            );
        }
        let (_, synopsis) = page.split_once(".SH SYNOPSIS\n").unwrap();
        let words = name.trim_end_matches(".1").replace('-', " ");
        let plain = synopsis.replace("\\-", " ");
        assert!(
            plain.starts_with(&format!("\\fB{words}\\fR ")),
            "{name}: {page}"
        );
    }
    let printed = world.run(&["man", "pool", "fill"]).succeeds().stdout;
    let written =
        std::fs::read_to_string(world.root().join("man/schemastamp-pool-fill.1")).unwrap();
    assert_eq!(printed, written);
}

#[test]
fn malformed_settings_name_their_origin() {
    let world = Schemastamp::new().env("PGUSER", "app");
    world.write("snapshots/app.sql", crate::provision::snapshot(""));
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let output = world.command(arguments).env(name, value).output().unwrap();
        format!(
            "{}[{}]",
            String::from_utf8(output.stderr).unwrap(),
            output.status.code().unwrap()
        )
    };
    insta::assert_snapshot!(with("PGPORT", "postgres", &["provision", "a"]), @"
    error: PGPORT must be a port from 1 to 65535, or several with commas, and is 'postgres'
    [10]
    ");
    insta::assert_snapshot!(with("SCHEMASTAMP_TIMEOUT", "soon", &["render", "a"]), @"
    error: SCHEMASTAMP_TIMEOUT must be seconds, such as 30 or 2.5, or 0 for no limit, and is 'soon'
    [10]
    ");
    insta::assert_snapshot!(with("SCHEMASTAMP_SNAPSHOTS", "x", &["render", "a"]), @"
    error: SCHEMASTAMP_SNAPSHOTS is not a variable of schemastamp; did you mean SCHEMASTAMP_SNAPSHOT?
    [10]
    ");
    insta::assert_snapshot!(with("DATABASE_URL", "", &["provision", "a"]), @"
    error: DATABASE_URL is empty; give it a value or remove it
    hint: unset DATABASE_URL, or give it a value
    [10]
    ");
    insta::assert_snapshot!(with("PGSSLMODE", "verify-full", &["provision", "a", "-h", "db"]).replace(
        &world.root().display().to_string(), "$ROOT"), @"
    error: root certificate '$ROOT/home/.postgresql/root.crt' does not exist
    caused by: libpq cannot verify the server and does not connect with TLS
    hint: put the authority's certificate at '$ROOT/home/.postgresql/root.crt' or name the right file in --sslrootcert; pass --sslrootcert system to use the system's authorities
    [12]
    ");
}

#[test]
fn examples_and_the_list_of_commands_fit_into_a_terminal_of_80_columns() {
    let world = Schemastamp::new();
    let help = world.run(&["-?"]).succeeds().stdout;
    let commands = help.split_once("Commands:\n").unwrap().1;
    let commands = commands.split("\n\n").next().unwrap();
    assert!(commands.lines().count() > 20, "{help}");
    for line in commands.lines() {
        let has_name = line.starts_with("  ") && !line.starts_with("   ");
        assert!(has_name && line.chars().count() <= 80, "{line}");
    }
    for command in [
        "capture",
        "minify",
        "snapshot show",
        "render",
        "provision",
        "pool fill",
        "pool status",
        "pool drain",
        "migrate",
        "adopt",
        "query",
        "status",
        "verify",
        "refresh",
        "check",
        "drop",
        "rename",
        "clone",
        "targets export",
        "diagnose",
        "completions",
        "json-schema",
        "man",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["-?"]).collect();
        let help = world.run(&arguments).succeeds().stdout;
        let examples = help.split_once("Examples:").expect(command).1;
        let examples = examples.split("\n\n").next().unwrap();
        // A longer line would be wrapped, and could not be pasted.
        let is_wrapped = |line: &&str| line.chars().count() > 80 || !line.starts_with("  s");
        let examples = examples.trim_start_matches('\n');
        let wrapped: Vec<&str> = examples.lines().filter(is_wrapped).collect();
        assert!(wrapped.is_empty(), "{command}: {wrapped:?}");
    }
}
