import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads a message a line: its name, version, bytes in base64 and content as JSON, separated by tabs. Builds each from its
 * content with Kafka's own classes, encodes it and prints the number of every line whose bytes differ, with what Kafka makes
 * of it; at the end how many lines there were.
 */
public class CompareBytes {
  public static void main(String[] args) throws Exception {
    ObjectMapper json = JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();
    Map<String, Method> readers = new HashMap<>();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int count = 0;
    for (String line; (line = lines.readLine()) != null; count++) {
      String[] parts = line.split("\t", 4);
      Method reader = readers.get(parts[0]);
      if (reader == null) {
        Class<?> converter = Class.forName("org.apache.kafka.common.message." + parts[0] + "DataJsonConverter");
        reader = converter.getMethod("read", JsonNode.class, short.class);
        readers.put(parts[0], reader);
      }
      String theirs;
      try {
        short version = Short.parseShort(parts[1]);
        theirs = encode((Message) reader.invoke(null, json.readTree(parts[3]), version), version);
      } catch (InvocationTargetException refusal) {
        theirs = refusal.getCause().toString();
      }
      if (!theirs.equals(parts[2])) System.out.println(count + "\t" + theirs.replace('\n', ' '));
    }
    System.out.println(count);
  }

  static String encode(Message message, short version) {
    ObjectSerializationCache cache = new ObjectSerializationCache();
    ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
    message.write(new ByteBufferAccessor(buffer), cache, version);
    return Base64.getEncoder().encodeToString(buffer.array());
  }
}
