import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** The contract of README.md on Apache Kafka's own clients; compiled against each version that is checked. */
public class Client {
  private static final Map<String, String> ARGS = new HashMap<>();

  public static void main(String[] argv) throws Exception {
    for (int i = 1; i + 1 < argv.length; i += 2) ARGS.put(argv[i].substring(2), argv[i + 1]);
    switch (argv[0]) {
      case "version" -> System.out.println("version\t" + AppInfoParser.getVersion());
      case "create" -> create();
      case "delete" -> delete();
      case "list" -> list();
      case "produce" -> produce();
      case "consume" -> read(null);
      case "seek" -> read(Long.parseLong(ARGS.get("timestamp")));
      case "group" -> group();
      default -> throw new IllegalArgumentException("unknown verb " + argv[0]);
    }
  }

  private static Properties servers() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", ARGS.get("bootstrap"));
    return settings;
  }

  private static void create() throws Exception {
    try (Admin admin = Admin.create(servers())) {
      int partitions = Integer.parseInt(ARGS.get("partitions"));
      admin.createTopics(List.of(new NewTopic(ARGS.get("topic"), partitions, (short) 1))).all().get();
    }
  }

  private static void delete() throws Exception {
    try (Admin admin = Admin.create(servers())) {
      admin.deleteTopics(List.of(ARGS.get("topic"))).all().get();
    }
  }

  private static void list() throws Exception {
    try (Admin admin = Admin.create(servers())) {
      for (String name : admin.listTopics().names().get()) System.out.println("topic\t" + name);
    }
  }

  private static void produce() throws Exception {
    Properties settings = servers();
    settings.put("enable.idempotence", "true");
    settings.put("acks", "all");
    settings.put("compression.type", ARGS.get("codec"));
    settings.put("linger.ms", "5");
    String prefix = ARGS.get("key-prefix");
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(ARGS.get("count")); i++) {
        String key = prefix + "-" + i;
        ProducerRecord<String, String> record =
            new ProducerRecord<>(ARGS.get("topic"), key, (key + ";").repeat(10));
        record.headers().add("origin", prefix.getBytes(StandardCharsets.UTF_8));
        sent.add(producer.send(record));
      }
      for (Future<RecordMetadata> one : sent) one.get();
    }
  }

  private static KafkaConsumer<String, String> consumer(Map<String, String> extra) {
    Properties settings = servers();
    settings.put("auto.offset.reset", "earliest");
    settings.put("check.crcs", "true");
    settings.putAll(extra);
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  private static void read(Long timestamp) {
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("enable.auto.commit", "false"))) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(ARGS.get("topic")).stream()
              .map(info -> new TopicPartition(info.topic(), info.partition()))
              .collect(Collectors.toList());
      consumer.assign(partitions);
      if (timestamp == null) consumer.seekToBeginning(partitions);
      else {
        Map<TopicPartition, Long> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(partition, timestamp));
        for (Map.Entry<TopicPartition, OffsetAndTimestamp> at : consumer.offsetsForTimes(wanted).entrySet()) {
          if (at.getValue() == null) consumer.seekToEnd(List.of(at.getKey()));
          else consumer.seek(at.getKey(), at.getValue().offset());
        }
      }
      int left = Integer.parseInt(ARGS.get("count"));
      while (left > 0) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          if (left-- > 0) print(record);
        }
      }
    }
  }

  private static void group() throws Exception {
    Map<String, String> settings = new HashMap<>();
    settings.put("group.id", ARGS.get("group"));
    settings.put("auto.commit.interval.ms", "200");
    if ("consumer".equals(ARGS.get("group-protocol"))) settings.put("group.protocol", "consumer");
    else {
      settings.put("session.timeout.ms", "6000");
      settings.put("heartbeat.interval.ms", "500");
    }
    KafkaConsumer<String, String> consumer = consumer(settings);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  consumer.wakeup();
                  try {
                    closed.await();
                  } catch (InterruptedException ignored) {
                    Thread.currentThread().interrupt();
                  }
                }));
    consumer.subscribe(List.of(ARGS.get("topic")));
    String last = null;
    try {
      while (true) {
        Iterable<ConsumerRecord<String, String>> records = consumer.poll(Duration.ofMillis(100));
        String current = partitions(consumer.assignment());
        if (!current.equals(last)) System.out.println("assigned\t" + current);
        last = current;
        records.forEach(Client::print);
      }
    } catch (WakeupException stop) {
      consumer.close();
    } finally {
      closed.countDown();
    }
  }

  private static String partitions(Collection<TopicPartition> assigned) {
    TreeSet<Integer> sorted = new TreeSet<>();
    assigned.forEach(partition -> sorted.add(partition.partition()));
    return sorted.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  private static void print(ConsumerRecord<String, String> record) {
    List<String> headers = new ArrayList<>();
    record
        .headers()
        .forEach(header -> headers.add(header.key() + "=" + new String(header.value(), StandardCharsets.UTF_8)));
    System.out.println(
        String.join(
            "\t",
            "record",
            String.valueOf(record.partition()),
            String.valueOf(record.offset()),
            record.key(),
            String.join(",", headers),
            record.value()));
  }
}
