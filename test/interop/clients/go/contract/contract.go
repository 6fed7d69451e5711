// Package contract is the command line and the output that all interop clients share (see ../../../README.md).
package contract

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

// Args are the flags of one run.
type Args struct {
	Verb, Bootstrap, Topic, Codec, KeyPrefix, Group, GroupProtocol string
	Partitions, Count                                              int
	Timestamp                                                      int64
}

// Parse reads the verb and its flags.
func Parse() Args {
	args := Args{Verb: os.Args[1]}
	flags := flag.NewFlagSet(args.Verb, flag.ExitOnError)
	flags.StringVar(&args.Bootstrap, "bootstrap", "", "")
	flags.StringVar(&args.Topic, "topic", "", "")
	flags.StringVar(&args.Codec, "codec", "none", "")
	flags.StringVar(&args.KeyPrefix, "key-prefix", "", "")
	flags.StringVar(&args.Group, "group", "", "")
	flags.StringVar(&args.GroupProtocol, "group-protocol", "classic", "")
	flags.IntVar(&args.Partitions, "partitions", 1, "")
	flags.IntVar(&args.Count, "count", 0, "")
	flags.Int64Var(&args.Timestamp, "timestamp", -1, "")
	_ = flags.Parse(os.Args[2:])
	return args
}

// Must ends the program if err is an error.
func Must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Message is the key and value of record i.
func (a Args) Message(i int) (key, value []byte) {
	text := fmt.Sprintf("%s-%d", a.KeyPrefix, i)
	return []byte(text), []byte(strings.Repeat(text+";", 10))
}

// Say prints one line of tab-separated fields.
func Say(fields ...any) {
	line := make([]string, len(fields))
	for i, field := range fields {
		line[i] = fmt.Sprint(field)
	}
	fmt.Println(strings.Join(line, "\t"))
}

// Record prints a record that was read; headers are "key=value".
func Record(partition int32, offset int64, key []byte, headers []string, value []byte) {
	Say("record", partition, offset, string(key), strings.Join(headers, ","), string(value))
}

// Assigned prints the partitions that a member has.
func Assigned(partitions []int32) {
	sorted := slices.Sorted(slices.Values(partitions))
	Say("assigned", strings.Trim(strings.ReplaceAll(fmt.Sprint(sorted), " ", ","), "[]"))
}

// Version prints the version of a module that is built in.
func Version(module string) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			Say("version", strings.TrimPrefix(dependency.Version, "v"))
		}
	}
}

// Stopped is closed when SIGTERM comes.
func Stopped() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	return signals
}
