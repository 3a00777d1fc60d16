//! Parses the command line, runs the command, returns its exit status.

fn main() -> std::process::ExitCode {
    plimsoll::cli::main()
}
