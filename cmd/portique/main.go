// Portique is the front door of an organisation that serves member companies.
package main

import (
	"os"

	"portique/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Environment{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}))
}
