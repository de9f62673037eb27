use clap::CommandFactory;

use super::*;

fn call(words: &[&str]) -> Result<Call, clap::Error> {
    let words = ["daffi", "call"].iter().chain(words);
    match Cli::try_parse_from(words)?.command {
        Command::Call(call) => Ok(*call),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent_and_every_command_is_in_the_help() {
    let command = Cli::command();
    command.clone().debug_assert();

    for sub in command.get_subcommands() {
        assert!(overview::HELP.contains(&format!("\n  {} ", sub.get_name())), "{}", sub.get_name());
    }
}

#[test]
fn a_commands_own_options_stand_before_those_of_all_in_its_help() {
    let help = Cli::try_parse_from(["daffi", "space", "search", "--help"]).unwrap_err().to_string();
    let place = |option: &str| help.find(option).unwrap();

    let own = ["--limit", "--sort", "--desc", "--explain"].map(place);
    assert!(own.iter().all(|own| *own < place("--url")), "{help}");
    assert!(place("--url") < place("--version"), "{help}");
}

#[test]
fn negative_numbers_are_arguments_and_typos_are_not() {
    assert_eq!(call(&["func3", "-4", "6", "-1.5"]).unwrap().args, ["-4", "6", "-1.5"]);
    assert_eq!(call(&["func3", "-"]).unwrap().args, ["-"]);
    assert!(call(&["func3", "-x"]).is_err());
    assert_eq!(call(&["func3", "--", "-x"]).unwrap().args, ["-x"]);
}

#[test]
fn options_may_stand_anywhere() {
    let call = call(&["func3", "4", "6", "--mode", "bg"]).unwrap();

    assert_eq!((call.mode, call.args), (Mode::Bg, vec!["4".into(), "6".into()]));
}

#[test]
fn a_misspelt_mode_is_answered_with_the_right_one() {
    let refused = call(&["f", "--mode", "broadcst"]).unwrap_err().to_string();

    assert!(refused.contains("broadcast"), "{refused}");
}

#[test]
fn everything_after_two_dashes_is_the_command_to_serve() {
    let cli = Cli::try_parse_from(["daffi", "serve", "df", "--", "df", "-h", "--", "{path}"]).unwrap();

    assert!(matches!(cli.command, Command::Serve(serve) if serve.command == ["df", "-h", "--", "{path}"]));
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    for words in [["daffi", "-t", "5", "nodes"], ["daffi", "nodes", "-t", "5"]] {
        let cli = Cli::try_parse_from(words).unwrap();

        assert_eq!(cli.global.timeout, Some(Duration::from_secs(5)));
    }
}
