import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/**
 * Kafka's own producers and a group of its consumers: ChaosLoad BOOTSTRAP TOPIC PARTITIONS GROUP. Prints a line for everything that it
 * is told, fields between tabs: `ack STREAM N PARTITION OFFSET`, `fail STREAM N EXCEPTION`, `assigned MEMBER PARTITION`,
 * `read MEMBER PARTITION OFFSET VALUE`. `stop` on its input ends the producers; when nothing is under way it prints `flushed`, and reads
 * on until its input ends.
 */
public class ChaosLoad {
  static final int PRODUCERS = 2;
  static final int MEMBERS = 2;
  static final int PAUSE_MS = 20;
  static final AtomicBoolean producing = new AtomicBoolean(true);
  static final AtomicBoolean reading = new AtomicBoolean(true);
  static final PrintStream out = new PrintStream(System.out, false);

  static synchronized void say(Object... fields) {
    StringJoiner line = new StringJoiner("\t");
    for (Object field : fields) line.add(String.valueOf(field));
    out.println(line);
    out.flush();
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], topic = args[1], group = args[3];
    int partitions = Integer.parseInt(args[2]);
    List<Thread> producers = new ArrayList<>(), members = new ArrayList<>();
    for (int i = 0; i < PRODUCERS; i++) {
      String name = "java-" + i;
      producers.add(new Thread(() -> produce(bootstrap, topic, partitions, name)));
    }
    for (int i = 0; i < MEMBERS; i++) {
      String name = "java-member-" + i;
      members.add(new Thread(() -> consume(bootstrap, topic, group, name)));
    }
    producers.forEach(Thread::start);
    members.forEach(Thread::start);
    say("ready");
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      if (!line.equals("stop")) continue;
      producing.set(false);
      for (Thread thread : producers) thread.join();
      say("flushed");
    }
    reading.set(false);
    for (Thread thread : members) thread.join();
  }

  static void produce(String bootstrap, String topic, int partitions, String name) {
    Map<String, Object> config = Map.of(
        "bootstrap.servers", bootstrap, "acks", "all", "enable.idempotence", true, "linger.ms", 5,
        "delivery.timeout.ms", Integer.MAX_VALUE, "request.timeout.ms", 15000, "max.block.ms", Long.MAX_VALUE,
        "reconnect.backoff.max.ms", 500, "socket.connection.setup.timeout.ms", 2000, "metadata.max.age.ms", 5000);
    for (int generation = 0; producing.get(); generation++) {
      AtomicBoolean failed = new AtomicBoolean();
      String prefix = name + "." + generation + "/";
      try (Producer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
        for (long n = 0; producing.get() && !failed.get(); n++) {
          for (int partition = 0; partition < partitions; partition++) {
            String stream = prefix + partition;
            long number = n;
            producer.send(new ProducerRecord<>(topic, partition, stream, stream + ":" + n + "|"), (metadata, error) -> {
              if (error == null) say("ack", stream, number, metadata.partition(), metadata.hasOffset() ? metadata.offset() : -1);
              else {
                failed.set(true);
                say("fail", stream, number, error);
              }
            });
          }
          Thread.sleep(PAUSE_MS);
        }
        producer.flush();
      } catch (InterruptedException | RuntimeException error) {
        say("fail", prefix, -1, error);
      }
    }
  }

  static void consume(String bootstrap, String topic, String group, String name) {
    Map<String, Object> config = Map.of(
        "bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest", "auto.commit.interval.ms", 500,
        "session.timeout.ms", 10000, "heartbeat.interval.ms", 1000, "request.timeout.ms", 5000, "reconnect.backoff.max.ms", 500,
        "socket.connection.setup.timeout.ms", 2000, "default.api.timeout.ms", 20000);
    while (reading.get()) {
      try (Consumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
        consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
          public void onPartitionsRevoked(Collection<TopicPartition> some) {}

          public void onPartitionsAssigned(Collection<TopicPartition> some) {
            for (TopicPartition one : some) say("assigned", name, one.partition());
          }
        });
        while (reading.get()) {
          for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200)))
            say("read", name, record.partition(), record.offset(), record.value());
        }
      } catch (RuntimeException error) {
        say("left", name, error);
      }
    }
  }
}
