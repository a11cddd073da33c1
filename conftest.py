pytest_plugins = ("trueup.plugin",)
