import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.QuotaConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.storage.internals.log.LogConfig;

/** Prints what Kafka knows of every config of topics and brokers: kind, name, type, default, the broker's name of a topic's. */
public class ConfigKeys {
  public static void main(String[] args) {
    for (String name : LogConfig.nonInternalConfigNames()) {
      ConfigKey key = LogConfig.configKeys().get(name);
      print("topic", key, ServerTopicConfigSynonyms.TOPIC_CONFIG_SYNONYMS.get(name));
    }
    for (ConfigKey key : AbstractKafkaConfig.CONFIG_DEF.configKeys().values()) print("broker", key, null);
    for (ConfigKey key : QuotaConfig.brokerQuotaConfigs().configKeys().values()) print("broker", key, null);
  }

  static void print(String kind, ConfigKey key, String brokerName) {
    Object value = key.hasDefault() ? key.defaultValue : null;
    String text = value instanceof java.util.List<?> list ? String.join(",", list.stream().map(String::valueOf).toList()) : String.valueOf(value);
    System.out.println(String.join("\t", kind, key.name, key.type.toString(), text, String.valueOf(brokerName)));
  }
}
