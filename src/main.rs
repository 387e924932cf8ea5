//! The command `mailrota`: what an operator asks before anything is sent. The crate is the library;
//! this program only reads files and options, asks the engine, and draws its answers.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
