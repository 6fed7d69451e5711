import java.io.*;
import java.lang.reflect.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs main classes of Kafka's tools one after the other in one JVM, which spares the second that each JVM takes to start. A line of
 * stdin is a call: class, input, and arguments, each in base64 with a dot in front and spaces between them; it is answered by a line
 * with the exit status and what the tool wrote to its stdout and stderr, written likewise.
 */
public class ToolServer {
  static volatile CompletableFuture<Integer> status;

  public static void main(String[] ignored) throws Exception {
    BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    PrintStream answers = System.out;
    Exit.setExitProcedure((code, message) -> exit(code));
    Exit.setHaltProcedure((code, message) -> exit(code));
    for (String line = calls.readLine(); line != null; line = calls.readLine()) {
      String[] fields = line.split(" ");
      String[] args = Arrays.stream(fields).skip(2).map(ToolServer::decode).toArray(String[]::new);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      System.setIn(new ByteArrayInputStream(decode(fields[1]).getBytes(StandardCharsets.UTF_8)));
      System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
      int code = call(decode(fields[0]), args);
      answers.println(code + " " + encode(out) + " " + encode(err));
      answers.flush();
    }
    Runtime.getRuntime().halt(0);
  }

  static int call(String mainClass, String[] args) throws Exception {
    status = new CompletableFuture<>();
    Thread thread = new Thread(() -> status.complete(run(mainClass, args)), "main");
    thread.setDaemon(true);
    thread.start();
    int code = status.get();
    for (Thread hook : takeShutdownHooks()) {
      hook.start();
      hook.join();
    }
    return code;
  }

  /** What the tool wanted done when its JVM ends. */
  @SuppressWarnings("unchecked")
  static List<Thread> takeShutdownHooks() throws ReflectiveOperationException {
    Field field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
    field.setAccessible(true);
    Map<Thread, Thread> hooks = (Map<Thread, Thread>) field.get(null);
    List<Thread> taken = hooks.keySet().stream().toList();
    for (Thread hook : taken) hooks.remove(hook);
    return taken;
  }

  static int run(String mainClass, String[] args) {
    try {
      Class<?> tool = Class.forName(mainClass);
      forget(tool);
      tool.getMethod("main", String[].class).invoke(null, (Object) args);
      return 0;
    } catch (ReflectiveOperationException thrown) {
      thrown.printStackTrace();
      return 1;
    }
  }

  /** Ends the tool; as in a process of its own, the thread that calls it does nothing ever after. */
  static void exit(int code) {
    status.complete(code);
    while (true) LockSupport.park();
  }

  /** The console consumer counts its records in a static field. */
  static void forget(Class<?> tool) throws ReflectiveOperationException {
    for (Field field : tool.getDeclaredFields()) {
      if (!field.getName().equals("messageCount")) continue;
      field.setAccessible(true);
      field.setInt(null, 0);
    }
  }

  static String decode(String field) {
    return new String(Base64.getDecoder().decode(field.substring(1)), StandardCharsets.UTF_8);
  }

  static String encode(ByteArrayOutputStream bytes) {
    return "." + Base64.getEncoder().encodeToString(bytes.toByteArray());
  }
}
