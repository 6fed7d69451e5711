// The contract of ../../../README.md on franz-go.
package main

import (
	"context"
	"slices"
	"time"

	"edgelog/interop/contract"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	args = contract.Parse()
	ctx  = context.Background()
)

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(args.Bootstrap))...)
	contract.Must(err)
	return made
}

func main() {
	switch args.Verb {
	case "version":
		contract.Version("github.com/twmb/franz-go")
	case "create":
		_, err := kadm.NewClient(client()).CreateTopic(ctx, int32(args.Partitions), 1, nil, args.Topic)
		contract.Must(err)
	case "delete":
		_, err := kadm.NewClient(client()).DeleteTopic(ctx, args.Topic)
		contract.Must(err)
	case "list":
		topics, err := kadm.NewClient(client()).ListTopics(ctx)
		contract.Must(err)
		for _, name := range topics.Names() {
			contract.Say("topic", name)
		}
	case "produce":
		produce()
	case "consume":
		read(kgo.NewOffset().AtStart())
	case "seek":
		read(kgo.NewOffset().AfterMilli(args.Timestamp))
	case "group":
		group()
	}
}

func produce() {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	producer := client(kgo.ProducerBatchCompression(codecs[args.Codec]), kgo.ProducerLinger(5*time.Millisecond))
	defer producer.Close()
	records := make([]*kgo.Record, args.Count)
	for i := range records {
		key, value := args.Message(i)
		headers := []kgo.RecordHeader{{Key: "origin", Value: []byte(args.KeyPrefix)}}
		records[i] = &kgo.Record{Topic: args.Topic, Key: key, Value: value, Headers: headers}
	}
	contract.Must(producer.ProduceSync(ctx, records...).FirstErr())
}

func read(from kgo.Offset) {
	consumer := client(kgo.ConsumeTopics(args.Topic), kgo.ConsumeResetOffset(from))
	for left := args.Count; left > 0; {
		fetches := consumer.PollFetches(ctx)
		contract.Must(fetches.Err())
		for _, record := range fetches.Records() {
			if left > 0 {
				show(record)
			}
			left--
		}
	}
}

func show(record *kgo.Record) {
	headers := []string{}
	for _, header := range record.Headers {
		headers = append(headers, header.Key+"="+string(header.Value))
	}
	contract.Record(record.Partition, record.Offset, record.Key, headers, record.Value)
}

func group() {
	var held []int32
	gain := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		held = append(held, partitions[args.Topic]...)
		contract.Assigned(held)
	}
	lose := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		held = slices.DeleteFunc(held, func(one int32) bool { return slices.Contains(partitions[args.Topic], one) })
		contract.Assigned(held)
	}
	member := client(
		kgo.ConsumerGroup(args.Group), kgo.ConsumeTopics(args.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(gain), kgo.OnPartitionsRevoked(lose), kgo.OnPartitionsLost(lose),
		kgo.AutoCommitInterval(200*time.Millisecond),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
	)
	stopping, stop := context.WithCancel(ctx)
	go func() { <-contract.Stopped(); stop() }()
	for stopping.Err() == nil {
		member.PollFetches(stopping).EachRecord(show)
	}
	contract.Must(member.CommitUncommittedOffsets(ctx))
	member.Close()
}
