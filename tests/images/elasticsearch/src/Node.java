import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.core.IOUtils;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One node in this process: {@code Node HOME DATA [--once]}. HOME holds {@code modules/NAME} with jars and a description each. With
 * {@code --once} it starts, stops, and removes DATA.
 */
public class Node {
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        Path data = Path.of(arguments[1]);
        boolean once = arguments.length > 2 && arguments[2].equals("--once");
        Path config = Files.createDirectories(data.resolve("config"));
        System.setProperty("es.path.home", home.toString());
        Settings settings = Settings.builder()
            .put("cluster.name", "jobapp-tests")
            .put("node.name", "one")
            .put("path.home", home.toString())
            .put("path.data", data.resolve("data").toString())
            .put("path.logs", data.resolve("logs").toString())
            .put("discovery.type", "single-node")
            .put("http.host", "0.0.0.0")
            .put("http.port", "9200")
            .put("transport.host", "127.0.0.1")
            .put("transport.port", "0")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        LogConfigurator.configureESLogging();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "one");
        LogConfigurator.configureWithoutConfig(environment.settings());
        PluginsLoader loader = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(home.resolve("modules")),
            PluginsLoader.loadPluginsBundles(home.resolve("plugins")), Map.of(), false);
        var node = new org.elasticsearch.node.Node(environment, loader);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
                if (once) {
                    IOUtils.rm(data);
                }
            } catch (Exception problem) {
                problem.printStackTrace();
            }
            stopped.countDown();
        }));
        node.start();
        System.out.println("READY");
        if (once) {
            System.exit(0);
        }
        stopped.await();
    }
}
