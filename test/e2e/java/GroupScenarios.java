import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.*;

/** Groups of Kafka's own consumers; prints a line for each scenario: name, tab, what came of it or the exception. */
public class GroupScenarios {
  static final long WAIT_MS = 100_000;
  static String server;
  static Admin admin;
  static final Queue<Member> everybody = new ConcurrentLinkedQueue<>();

  public static void main(String[] args) throws Exception {
    server = args[0];
    admin = Admin.create(Map.of("bootstrap.servers", server));
    ExecutorService all = Executors.newCachedThreadPool();
    Map<String, Future<String>> results = new LinkedHashMap<>();
    results.put("rebalance", all.submit(GroupScenarios::rebalance));
    results.put("static", all.submit(GroupScenarios::staticMembers));
    results.put("pattern", all.submit(GroupScenarios::pattern));
    results.put("rolling", all.submit(GroupScenarios::rolling));
    for (var result : results.entrySet()) {
      String said;
      try {
        said = result.getValue().get();
      } catch (ExecutionException e) {
        said = e.getCause().toString();
      }
      System.out.println(result.getKey() + "\t" + said);
    }
    System.exit(0);
  }

  /** A second member takes half, dies without a commit, and the first goes on from what the second had committed. */
  static String rebalance() throws Exception {
    create("rebalance", 4);
    send("rebalance", 0, 400);
    Member a = new Member("rebalance", "consumer", Map.of("enable.auto.commit", "false"));
    a.commits = true;
    await("a has all", () -> a.partitions.size() == 4 && a.seen.size() == 400);
    Member b = new Member("rebalance", "consumer", Map.of("enable.auto.commit", "false"));
    b.commits = true;
    await("both have two", () -> a.partitions.size() == 2 && b.partitions.size() == 2);
    send("rebalance", 400, 200);
    await("both have read", () -> a.seen.size() + b.seen.size() == 600);
    int commits = b.committed.get();
    await("b has committed", () -> b.committed.get() > commits + 1);
    b.commits = false;
    Set<Long> committed = Set.copyOf(b.seen.keySet());
    send("rebalance", 600, 200);
    await("b has read what it does not commit", () -> a.seen.size() + b.seen.size() == 800);
    b.kill();
    await("a has everything that b had not committed", () -> {
      for (Long value : b.seen.keySet()) if (!committed.contains(value) && !a.seen.containsKey(value)) return false;
      return a.partitions.size() == 4;
    });
    long again = committed.stream().filter(a.seen::containsKey).count();
    a.close();
    return "read again though committed: " + again + ", as it was not: " + (b.seen.size() > committed.size());
  }

  /** A static member that is restarted has its partitions back, and the other one never notices. */
  static String staticMembers() throws Exception {
    create("static", 4);
    Member a = new Member("static", "consumer", Map.of("group.instance.id", "a"));
    Member b = new Member("static", "consumer", Map.of("group.instance.id", "b"));
    await("both have two", () -> a.partitions.size() == 2 && b.partitions.size() == 2);
    Set<TopicPartition> before = Set.copyOf(a.partitions);
    int changes = b.changes.get();
    a.close();
    Member again = new Member("static", "consumer", Map.of("group.instance.id", "a"));
    await("a is back", () -> again.partitions.size() == 2);
    send("static", 0, 100);
    await("all is read", () -> again.seen.size() + b.seen.size() == 100);
    String said = "same partitions: " + before.equals(again.partitions) + ", the other noticed: " + (b.changes.get() > changes);
    again.close();
    b.close();
    return said;
  }

  /** A pattern that the hub evaluates, also for topics that come later. */
  static String pattern() throws Exception {
    create("sensor-1", 1);
    create("other", 1);
    Member a = new Member("sensor-[0-9]+", "consumer", Map.of("auto.offset.reset", "earliest"), true);
    send("sensor-1", 0, 10);
    send("other", 10, 10);
    await("the first topic is read", () -> a.seen.size() == 10);
    create("sensor-22", 1);
    send("sensor-22", 20, 10);
    await("the topic that came later is read", () -> a.seen.size() == 20);
    a.close();
    return "values read: " + new TreeSet<>(a.seen.keySet()).first() + " to " + new TreeSet<>(a.seen.keySet()).last();
  }

  /** Three consumers are restarted one by one with the new protocol, and back, while a producer runs. */
  static String rolling() throws Exception {
    create("rolling", 6);
    AtomicLong produced = new AtomicLong();
    AtomicBoolean stop = new AtomicBoolean();
    Thread producing = new Thread(() -> {
      try (Producer<Long, Long> producer = producer()) {
        while (!stop.get()) {
          producer.send(new ProducerRecord<>("rolling", produced.get(), produced.getAndIncrement()));
          Thread.sleep(2);
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    producing.start();
    List<Member> members = new ArrayList<>();
    List<Member> ever = new ArrayList<>();
    for (int i = 0; i < 3; i++) members.add(new Member("rolling", "classic", Map.of()));
    ever.addAll(members);
    shared(members);
    List<String> types = new ArrayList<>();
    for (String protocol : List.of("consumer", "classic")) {
      for (int i = 0; i < 3; i++) {
        members.get(i).close();
        members.set(i, new Member("rolling", protocol, Map.of()));
        ever.add(members.get(i));
        shared(members);
        types.add(type("rolling"));
      }
    }
    stop.set(true);
    producing.join();
    await("everything is read", () -> {
      Set<Long> seen = new HashSet<>();
      for (Member member : ever) seen.addAll(member.seen.keySet());
      return seen.size() == produced.get();
    });
    for (Member member : members) member.close();
    long reads = 0;
    for (Member member : ever) for (AtomicInteger times : member.seen.values()) reads += times.get();
    return "lost 0, doubled " + (reads - produced.get()) + ", " + types + ", enough: " + (produced.get() > 500);
  }

  static void shared(List<Member> members) throws Exception {
    await("all partitions are shared out", () -> {
      Set<TopicPartition> all = new HashSet<>();
      int sum = 0;
      for (Member member : members) {
        if (member.partitions.isEmpty()) return false;
        all.addAll(member.partitions);
        sum += member.partitions.size();
      }
      return all.size() == 6 && sum == 6;
    });
  }

  static String type(String group) throws Exception {
    for (GroupListing listing : admin.listGroups().all().get())
      if (listing.groupId().equals(group)) return listing.type().get().toString();
    return "none";
  }

  /** A consumer with a thread of its own. The group is called like the topic. */
  static class Member {
    final ConcurrentMap<Long, AtomicInteger> seen = new ConcurrentHashMap<>();
    final AtomicInteger committed = new AtomicInteger();
    final AtomicInteger changes = new AtomicInteger();
    volatile Set<TopicPartition> partitions = Set.of();
    volatile boolean commits;
    private final Consumer<Long, Long> consumer;
    private final Thread thread;
    private final String name;
    private volatile boolean dead;
    private volatile RuntimeException failure;

    Member(String topic, String protocol, Map<String, Object> more) {
      this(topic, protocol, more, false);
    }

    Member(String topic, String protocol, Map<String, Object> more, boolean isPattern) {
      Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", server, "group.id", topic, "group.protocol", protocol,
          "auto.offset.reset", "earliest", "auto.commit.interval.ms", 200, "metadata.max.age.ms", 1_000));
      if (protocol.equals("classic")) config.putAll(Map.of("heartbeat.interval.ms", 300, "session.timeout.ms", 12_000));
      config.putAll(more);
      consumer = new KafkaConsumer<>(config, new LongDeserializer(), new LongDeserializer());
      name = topic + " of " + protocol;
      everybody.add(this);
      thread = new Thread(() -> run(topic, isPattern));
      thread.start();
    }

    private void run(String topic, boolean isPattern) {
      ConsumerRebalanceListener listener = new ConsumerRebalanceListener() {
        public void onPartitionsAssigned(Collection<TopicPartition> some) {
          changed();
        }
        public void onPartitionsRevoked(Collection<TopicPartition> some) {
          Set<TopicPartition> left = new HashSet<>(consumer.assignment());
          left.removeAll(some);
          partitions = left;
        }
      };
      try {
        if (isPattern) consumer.subscribe(new SubscriptionPattern(topic), listener);
        else consumer.subscribe(List.of(topic), listener);
        while (!dead) {
          for (ConsumerRecord<Long, Long> record : consumer.poll(Duration.ofMillis(50)))
            seen.computeIfAbsent(record.value(), value -> new AtomicInteger()).incrementAndGet();
          if (!commits) continue;
          consumer.commitSync();
          committed.incrementAndGet();
        }
      } catch (WakeupException e) {
        consumer.close();
      } catch (RuntimeException e) {
        failure = e;
      }
    }

    public String toString() {
      return name + " has " + partitions + ", has read " + seen.size() + ", committed " + committed + " times, " + failure;
    }

    private void changed() {
      partitions = Set.copyOf(consumer.assignment());
      changes.incrementAndGet();
    }

    void close() throws InterruptedException {
      consumer.wakeup();
      thread.join();
    }

    /** Stops the thread that sends heartbeats, so that the group hears no more of it, as when the process dies. */
    void kill() throws Exception {
      dead = true;
      Object network = field(field(field(consumer, "delegate"), "applicationEventHandler"), "networkThread");
      network.getClass().getDeclaredMethod("close", Duration.class).invoke(network, Duration.ofSeconds(5));
    }

    private static Object field(Object of, String name) throws ReflectiveOperationException {
      java.lang.reflect.Field field = of.getClass().getDeclaredField(name);
      field.setAccessible(true);
      return field.get(of);
    }
  }

  static void create(String topic, int partitions) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
  }

  static Producer<Long, Long> producer() {
    return new KafkaProducer<>(Map.of("bootstrap.servers", server), new LongSerializer(), new LongSerializer());
  }

  static void send(String topic, long first, int count) {
    try (Producer<Long, Long> producer = producer()) {
      for (long value = first; value < first + count; value++) producer.send(new ProducerRecord<>(topic, value, value));
    }
  }

  static void await(String what, BooleanSupplier isSo) throws Exception {
    long deadline = System.currentTimeMillis() + WAIT_MS;
    while (!isSo.getAsBoolean()) {
      if (System.currentTimeMillis() > deadline) throw new TimeoutException("in vain: " + what + ", but " + everybody);
      Thread.sleep(20);
    }
  }
}
