import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.StringSerializer;

/** Calls every describe* and list* method of Kafka's AdminClient; prints a line for each: name, tab, result or exception. */
@SuppressWarnings("removal")
public class AdminCalls {
  static final String TOPIC = "admin-calls";
  static final String GROUP = "admin-group";

  public static void main(String[] args) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", args[0]);
    try (Admin admin = Admin.create(config)) {
      prepare(admin, args[0]);
      call("listTopics", () -> new TreeSet<>(admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get()));
      call("describeTopics", () -> {
        TopicDescription topic = admin.describeTopics(List.of(TOPIC),
            new DescribeTopicsOptions().includeAuthorizedOperations(true)).allTopicNames().get().get(TOPIC);
        Uuid id = topic.topicId();
        String byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id).name();
        return byId + " " + topic.partitions().size() + " " + topic.authorizedOperations().size();
      });
      call("describeCluster", () -> {
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
        return cluster.nodes().get().size() + " " + cluster.controller().get().id() + " "
            + cluster.authorizedOperations().get().size();
      });
      ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
      ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
      call("describeConfigs", () -> {
        Map<ConfigResource, Config> configs = admin.describeConfigs(List.of(topic, broker),
            new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all().get();
        ConfigEntry entry = configs.get(topic).get("retention.ms");
        return entry.value() + " " + entry.source() + " " + configs.get(broker).get("broker.id").value();
      });
      call("listConfigResources", () -> admin.listConfigResources().all().get().containsAll(List.of(topic, broker)));
      call("listClientMetricsResources", () -> admin.listClientMetricsResources().all().get());
      call("describeLogDirs", () -> {
        LogDirDescription dir = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values().iterator().next();
        return (dir.replicaInfos().get(new TopicPartition(TOPIC, 0)).size() > 0) + " "
            + (dir.totalBytes().getAsLong() > dir.usableBytes().getAsLong());
      });
      TopicPartitionReplica replica = new TopicPartitionReplica(TOPIC, 1, 1);
      call("describeReplicaLogDirs", () ->
          admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica).getCurrentReplicaOffsetLag());
      call("listOffsets", () -> {
        TopicPartition partition = new TopicPartition(TOPIC, 0);
        List<Long> offsets = new ArrayList<>();
        for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp(),
            OffsetSpec.earliestLocal(), OffsetSpec.forTimestamp(0)))
          offsets.add(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset());
        return offsets;
      });
      call("describeProducers", () -> {
        TopicPartition partition = new TopicPartition(TOPIC, 0);
        return admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().size();
      });
      call("listGroups", () -> admin.listGroups().all().get().stream().anyMatch(group -> group.groupId().equals(GROUP)));
      call("listConsumerGroups", () -> admin.listConsumerGroups().errors().get());
      call("describeConsumerGroups", () ->
          admin.describeConsumerGroups(List.of(GROUP), new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true))
              .all().get().get(GROUP).members());
      call("describeClassicGroups", () -> admin.describeClassicGroups(List.of(GROUP)).all().get().get(GROUP).members());
      call("listConsumerGroupOffsets", () ->
          admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get()
              .get(new TopicPartition(TOPIC, 0)).offset());
      call("listPartitionReassignments", () -> admin.listPartitionReassignments().reassignments().get());
      call("describeClientQuotas", () -> admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get());
      call("describeUserScramCredentials", () -> admin.describeUserScramCredentials().all().get());
      call("describeDelegationToken", () -> admin.describeDelegationToken().delegationTokens().get());
      call("describeFeatures", () -> admin.describeFeatures().featureMetadata().get().finalizedFeatures());
      call("describeMetadataQuorum", () -> {
        QuorumInfo quorum = admin.describeMetadataQuorum().quorumInfo().get();
        return quorum.leaderId() + " " + quorum.voters().size() + " " + quorum.nodes().size();
      });
    }
  }

  /** A topic that grew to two partitions, with a config of its own and 10 records of which 4 are deleted, and a group. */
  static void prepare(Admin admin, String bootstrap) throws Exception {
    admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
    admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(2))).all().get();
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
    AlterConfigOp retention = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(topic, List.of(retention))).all().get();
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
    try (Producer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(TOPIC, 0, "key", "value " + i)).get();
    }
    TopicPartition partition = new TopicPartition(TOPIC, 0);
    long low = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(partition).get()
        .lowWatermark();
    System.out.println("deleteRecords\t" + low);
    admin.alterConsumerGroupOffsets(GROUP, Map.of(partition, new OffsetAndMetadata(7))).all().get();
  }

  static void call(String name, Callable<Object> method) throws Exception {
    try {
      System.out.println(name + "\t" + method.call());
    } catch (ExecutionException failure) {
      System.out.println(name + "\t" + failure.getCause().getClass().getSimpleName());
    }
  }
}
