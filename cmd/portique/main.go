// Portique is the front door of an organisation that serves member companies.
package main

import (
	"os"
	_ "time/tzdata" // dates in words on machines without a zone database

	"portique/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Environment{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}))
}
