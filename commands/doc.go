// Package commands is what people type: /ir and its subcommands.
//
// Run is the whole way of a command: parse → authorise → run → reply. Each
// command is a file of its own with a row in the table; the table makes the
// help, and the help shows only what the caller may do. Commands know no Slack:
// they answer with a neutral message, shown to the caller alone.
package commands
