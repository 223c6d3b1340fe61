"""Bodies that the examples of the API of deployments send."""

PROJECT_ID = "00000000-0000-4000-8000-000000000000"
PROJECT = {
    "name": "my-app",
    "repo_url": "https://github.com/user/repo",
    "branch": "main",
    "build_command": "npm run build",
    "start_command": "npm start",
    "port": 3000,
    "framework": "nextjs",
}
DETECT = {"repo_url": "https://github.com/user/repo", "branch": "main"}
CHANGE = {"branch": "main", "start_command": "npm start", "health_path": "/"}
DEPLOYMENT = {"project_id": PROJECT_ID, "branch": "main", "commit_sha": "abc1234"}
ENV = {"project_id": PROJECT_ID, "key": "DATABASE_URL", "value": "postgres://db.example/shop"}
ENV_NAME = {"project_id": PROJECT_ID, "key": "DATABASE_URL"}
DOMAIN = {"project_id": PROJECT_ID, "domain": "app.yourdomain.com"}
WEBHOOK = {"project_id": PROJECT_ID, "provider": "github", "branch": "main"}
NOTIFICATIONS = {
    "project_id": PROJECT_ID,
    "slack_webhook_url": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX",
    "notify_on_success": True,
    "notify_on_failure": True,
}
