// The contract of ../../../README.md on sarama.
package main

import (
	"context"
	"errors"
	"time"

	"edgelog/interop/contract"

	"github.com/IBM/sarama"
)

var args = contract.Parse()

func config() *sarama.Config {
	settings := sarama.NewConfig()
	settings.Version = sarama.MaxVersion
	return settings
}

func servers() []string { return []string{args.Bootstrap} }

func admin() sarama.ClusterAdmin {
	made, err := sarama.NewClusterAdmin(servers(), config())
	contract.Must(err)
	return made
}

func main() {
	switch args.Verb {
	case "version":
		contract.Version("github.com/IBM/sarama")
	case "create":
		detail := &sarama.TopicDetail{NumPartitions: int32(args.Partitions), ReplicationFactor: 1}
		contract.Must(admin().CreateTopic(args.Topic, detail, false))
	case "delete":
		contract.Must(admin().DeleteTopic(args.Topic))
	case "list":
		topics, err := admin().ListTopics()
		contract.Must(err)
		for name := range topics {
			contract.Say("topic", name)
		}
	case "produce":
		produce()
	case "consume":
		read(sarama.OffsetOldest)
	case "seek":
		read(args.Timestamp)
	case "group":
		group()
	}
}

func produce() {
	settings := config()
	contract.Must(settings.Producer.Compression.UnmarshalText([]byte(args.Codec)))
	settings.Producer.Idempotent = true
	settings.Producer.RequiredAcks = sarama.WaitForAll
	settings.Producer.Return.Successes = true
	settings.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer(servers(), settings)
	contract.Must(err)
	messages := make([]*sarama.ProducerMessage, args.Count)
	for i := range messages {
		key, value := args.Message(i)
		headers := []sarama.RecordHeader{{Key: []byte("origin"), Value: []byte(args.KeyPrefix)}}
		messages[i] = &sarama.ProducerMessage{
			Topic: args.Topic, Key: sarama.ByteEncoder(key), Value: sarama.ByteEncoder(value), Headers: headers,
		}
	}
	contract.Must(producer.SendMessages(messages))
	contract.Must(producer.Close())
}

// read consumes every partition from `from`: an offset of sarama's own, or a timestamp in milliseconds.
func read(from int64) {
	client, err := sarama.NewClient(servers(), config())
	contract.Must(err)
	consumer, err := sarama.NewConsumerFromClient(client)
	contract.Must(err)
	partitions, err := client.Partitions(args.Topic)
	contract.Must(err)
	messages := make(chan *sarama.ConsumerMessage)
	for _, partition := range partitions {
		offset := from
		if from >= 0 {
			offset, err = client.GetOffset(args.Topic, partition, from)
			contract.Must(err)
		}
		source, err := consumer.ConsumePartition(args.Topic, partition, offset)
		contract.Must(err)
		go func() {
			for message := range source.Messages() {
				messages <- message
			}
		}()
	}
	for range args.Count {
		show(<-messages)
	}
}

func show(message *sarama.ConsumerMessage) {
	headers := []string{}
	for _, header := range message.Headers {
		headers = append(headers, string(header.Key)+"="+string(header.Value))
	}
	contract.Record(message.Partition, message.Offset, message.Key, headers, message.Value)
}

type handler struct{}

func (handler) Setup(session sarama.ConsumerGroupSession) error {
	contract.Assigned(session.Claims()[args.Topic])
	return nil
}

func (handler) Cleanup(sarama.ConsumerGroupSession) error {
	contract.Assigned(nil)
	return nil
}

func (handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			show(message)
			session.MarkMessage(message, "")
		case <-session.Context().Done():
			return nil
		}
	}
}

func group() {
	settings := config()
	settings.Consumer.Offsets.Initial = sarama.OffsetOldest
	settings.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	settings.Consumer.Group.Session.Timeout = 6 * time.Second
	settings.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	member, err := sarama.NewConsumerGroup(servers(), args.Group, settings)
	contract.Must(err)
	stopping, stop := context.WithCancel(context.Background())
	go func() { <-contract.Stopped(); stop() }()
	for stopping.Err() == nil {
		if err := member.Consume(stopping, []string{args.Topic}, handler{}); !errors.Is(err, context.Canceled) {
			contract.Must(err)
		}
	}
	contract.Must(member.Close())
}
